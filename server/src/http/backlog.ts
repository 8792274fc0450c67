import type { Writable } from 'node:stream';

/**
 * What waits in a stream for a receiver that is slow or has stopped reading, for all who write to that stream: about
 * 64 KiB at most, Node's high-water mark, if they stop when it is full.
 */
export class Backlog {
  readonly #stream: Writable;
  readonly #waiting = new Set<() => void>();

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Calls back once, when the receiver has taken everything, or at once if it has; never, once the stream is closed. */
  whenDrained(callback: () => void): void {
    if (!this.isFull && !this.#stream.destroyed) {
      callback();
      return;
    }
    this.#waiting.add(callback);
    if (this.#waiting.size > 1) return;
    this.#stream.once('drain', () => {
      const callbacks = [...this.#waiting];
      this.#waiting.clear();
      for (const wake of callbacks) wake();
    });
  }
}
