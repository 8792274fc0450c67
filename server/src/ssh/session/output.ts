const FIRST_BYTES = 4 * 1024;

/** The output of a stream, in one buffer: a server may send each byte by itself. */
export class Output {
  #memory = Buffer.alloc(0);
  #length = 0;
  #lastLength = 0;

  append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#memory.length) {
      const memory = Buffer.allocUnsafe(Math.max(FIRST_BYTES, 2 * this.#memory.length, length));
      this.#memory.copy(memory, 0, 0, this.#length);
      this.#memory = memory;
    }
    chunk.copy(this.#memory, this.#length);
    this.#lastLength = chunk.length;
    this.#length = length;
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /** The last chunk, with so many bytes before it. */
  last(before: number): Buffer {
    return this.#memory.subarray(Math.max(0, this.#length - this.#lastLength - before), this.#length);
  }
}
