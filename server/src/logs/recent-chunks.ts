import type { LogChunk } from '../domain/log-chunk.ts';

/** A part of the file for followers, and the bytes before its end, by which the place is recognised. */
export interface SharedChunk {
  readonly chunk: LogChunk;
  /** The last bytes up to `chunk.endOffset`. */
  readonly seam: Buffer;
}

/**
 * The chunks that were last read at the end of a file, without a gap. They serve all followers at about the same place;
 * a follower further behind reads the file.
 */
export class RecentChunks {
  #chunks: SharedChunk[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The chunk that begins exactly here; null: none. */
  at(offset: number): SharedChunk | null {
    return this.#chunks.find(({ chunk }) => chunk.startOffset === offset) ?? null;
  }

  /** The start of the first kept chunk after an offset: a reader that gets there can continue with what is kept. */
  firstBehind(offset: number): number | null {
    return this.#chunks.find(({ chunk }) => chunk.startOffset > offset)?.chunk.startOffset ?? null;
  }

  /** Adds a chunk that was read, and drops the oldest beyond `mostBytes`. */
  add(shared: SharedChunk, mostBytes: number): void {
    const last = this.#chunks.at(-1)?.chunk;
    // Read by a follower that is behind.
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

/** The memory of a chunk's objects, including its seam: a job may write a byte at a time. */
const CHUNK_BYTES = 1024;

function sizeOf({ chunk }: SharedChunk): number {
  return chunk.endOffset - chunk.startOffset + CHUNK_BYTES;
}
