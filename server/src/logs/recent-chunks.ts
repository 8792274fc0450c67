import type { LogChunk } from '../domain/log-chunk.ts';

/** What a follower is given: a part of the file, and the bytes before its end by which the place is known again. */
export interface SharedChunk {
  readonly chunk: LogChunk;
  /** The last bytes up to `chunk.endOffset`. */
  readonly seam: Buffer;
}

/**
 * The chunks that were read last at the end of a file, one behind the other without a gap. They serve everybody who
 * follows the file at about the same place; a follower further behind reads the file itself.
 */
export class RecentChunks {
  #chunks: SharedChunk[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The one that begins just here; null: none does. */
  at(offset: number): SharedChunk | null {
    return this.#chunks.find(({ chunk }) => chunk.startOffset === offset) ?? null;
  }

  /** Where the first one begins that lies behind an offset: who reads up to there can go on with what is kept. */
  firstBehind(offset: number): number | null {
    return this.#chunks.find(({ chunk }) => chunk.startOffset > offset)?.chunk.startOffset ?? null;
  }

  /** Takes in what was read further on, and lets go of the oldest beyond `mostBytes`. */
  add(shared: SharedChunk, mostBytes: number): void {
    const last = this.#chunks.at(-1)?.chunk;
    // Read before the others by one who is behind.
    if (last !== undefined && shared.chunk.endOffset <= last.endOffset) return;
    if (last !== undefined && shared.chunk.startOffset !== last.endOffset) this.clear();
    this.#chunks.push(shared);
    this.#sizeBytes += sizeOf(shared);
    this.trim(mostBytes);
  }

  trim(mostBytes: number): void {
    while (this.#sizeBytes > mostBytes) {
      const oldest = this.#chunks.shift();
      if (oldest === undefined) return;
      this.#sizeBytes -= sizeOf(oldest);
    }
  }

  clear(): void {
    this.#chunks = [];
    this.#sizeBytes = 0;
  }
}

/** Of the objects that a chunk is kept in, its seam included: a job may write a byte at a time. */
const CHUNK_BYTES = 1024;

function sizeOf({ chunk }: SharedChunk): number {
  return chunk.endOffset - chunk.startOffset + CHUNK_BYTES;
}
