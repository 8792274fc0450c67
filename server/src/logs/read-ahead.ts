/** Bytes of a file that were requested ahead. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly read: Promise<Buffer>;
}

const PIECE_BYTES = 1024 * 1024;
/** What is not taken within this time is dropped. */
const STALE_MS = 5_000;
const LONGEST_CHARACTER = 4;

/**
 * Reads ahead for a follower that catches up with a long file, so that it doesn't wait between pieces. Serves one
 * follower at a time: others read without it, or replace it when it stops.
 */
export class ReadAhead {
  readonly #read: (from: number, length: number) => Promise<Buffer>;
  /** How many bytes before each piece are read with it. */
  readonly #overlapBytes: number;
  #pieces: Piece[] = [];
  #usedAt = 0;

  constructor(read: (from: number, length: number) => Promise<Buffer>, overlapBytes: number) {
    this.#read = read;
    this.#overlapBytes = overlapBytes;
  }

  /** The bytes from an offset on, as many as are available; null: they were not requested. */
  take(offset: number): Promise<Buffer> | null {
    const piece = this.#pieces.find(({ from, to }) => from <= offset && offset + this.#overlapBytes < to);
    if (piece === undefined) return null;
    this.#pieces = this.#pieces.filter(({ from }) => from > piece.from);
    this.#usedAt = performance.now();
    return piece.read.then((bytes) => bytes.subarray(offset - piece.from));
  }

  /** Requests what follows an offset: up to `mostPieces` whole pieces, and nothing beyond `end`. */
  goOn(offset: number, end: number, mostPieces: number): void {
    const [first] = this.#pieces;
    // A chunk that ended within a character is a few bytes shorter.
    const isForOther = first !== undefined && Math.abs(first.from + this.#overlapBytes - offset) > LONGEST_CHARACTER;
    if (isForOther) {
      if (performance.now() - this.#usedAt < STALE_MS) return;
      this.clear();
    }
    this.#usedAt = performance.now();
    let start = this.#pieces.at(-1)?.to ?? offset;
    while (this.#pieces.length < mostPieces && start + PIECE_BYTES <= end) {
      const from = Math.max(0, start - this.#overlapBytes);
      const to = start + PIECE_BYTES - this.#overlapBytes;
      const read = this.#read(from, to - from);
      // In case nobody awaits it.
      read.catch(() => {});
      this.#pieces.push({ from, to, read });
      start = to;
    }
  }

  clear(): void {
    this.#pieces = [];
  }
}
