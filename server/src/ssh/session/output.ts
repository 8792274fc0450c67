const FIRST_BYTES = 4 * 1024;
/** Long output is kept in pieces of this size, each of which can be let go of by itself. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** The output of a stream, in few buffers: a server may send each byte by itself. */
export class Output {
  /** All but the last are full. */
  readonly #pieces: Buffer[] = [Buffer.alloc(0)];
  /** Of the last piece. */
  #length = 0;
  #lastLength = 0;

  append(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; ) {
      const piece = this.#pieceWithRoom(chunk.length - from);
      const copied = chunk.copy(piece, this.#length, from);
      this.#length += copied;
      from += copied;
    }
    this.#lastLength = chunk.length;
  }

  /** The last piece, in which there is room; for `wanted` bytes unless that makes it too large. */
  #pieceWithRoom(wanted: number): Buffer {
    const last = this.#pieces.at(-1) ?? Buffer.alloc(0);
    if (this.#length === PIECE_BYTES) {
      const next = Buffer.allocUnsafe(PIECE_BYTES);
      this.#pieces.push(next);
      this.#length = 0;
      return next;
    }
    if (this.#length < last.length && (last.length === PIECE_BYTES || this.#length + wanted <= last.length))
      return last;
    const larger = Buffer.allocUnsafe(
      Math.min(PIECE_BYTES, Math.max(FIRST_BYTES, 2 * last.length, this.#length + wanted)),
    );
    last.copy(larger, 0, 0, this.#length);
    this.#pieces[this.#pieces.length - 1] = larger;
    return larger;
  }

  /** In order; the first has all that came before it was full. */
  get pieces(): readonly Buffer[] {
    return this.#pieces.map((piece, index) =>
      index === this.#pieces.length - 1 ? piece.subarray(0, this.#length) : piece,
    );
  }

  get bytes(): Buffer {
    return joined(this.pieces);
  }

  /** The last chunk, with so many bytes before it. */
  last(before: number): Buffer {
    let missing = this.#lastLength + before;
    const ends: Buffer[] = [];
    for (const piece of this.pieces.toReversed()) {
      ends.unshift(piece.subarray(Math.max(0, piece.length - missing)));
      missing -= piece.length;
      if (missing <= 0) break;
    }
    return joined(ends);
  }
}

/** One buffer of several; the very same if it is one. */
export function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
}
