import type { Writable } from 'node:stream';

/** So much may wait in this process for a receiver that is slow or has stopped reading. */
const MAX_BACKLOG_BYTES = 256 * 1024;

/** What waits in a stream for its receiver to take it, for all who write to that stream. */
export class Backlog {
  readonly #stream: Writable;
  readonly #waiting = new Set<() => void>();

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  get isFull(): boolean {
    return this.#stream.writableLength >= MAX_BACKLOG_BYTES;
  }

  /** Calls back once, when the receiver has taken everything; never, once the stream is closed. */
  whenDrained(callback: () => void): void {
    this.#waiting.add(callback);
    if (this.#waiting.size > 1) return;
    this.#stream.once('drain', () => {
      const callbacks = [...this.#waiting];
      this.#waiting.clear();
      for (const wake of callbacks) wake();
    });
  }
}
