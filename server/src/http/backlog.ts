import type { Writable } from 'node:stream';

/** Every stream may buffer this much, however slow its receiver is. */
const SHORT_BYTES = 64 * 1024;

/** Counts bytes that wait for a receiver, until they are released. */
type Hold = (bytes: number) => Disposable;

/**
 * What waits for a slow receiver, for all who write to its stream: at most about 64 KiB, Node's high-water mark, plus
 * the last write, if the writers stop when it is full.
 */
export class Backlog {
  readonly #stream: Writable;
  readonly #hold: Hold;
  readonly #waiting = new Set<() => void>();
  #held: Disposable[] = [];

  constructor(stream: Writable, hold: Hold) {
    this.#stream = stream;
    this.#hold = hold;
    stream.on('drain', () => this.#drained());
    stream.once('close', () => this.#release());
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Counts bytes that have just been written and may have to wait. */
  wrote(bytes: number): void {
    if (this.isFull && bytes > SHORT_BYTES) this.#held.push(this.#hold(bytes));
  }

  /**
   * Calls back once, when the receiver has taken everything, or at once if it has; never after the stream is closed.
   * `bytes`: what waits to be written then.
   */
  whenDrained(callback: () => void, bytes = 0): void {
    if (!this.isFull && !this.#stream.destroyed) {
      callback();
      return;
    }
    this.#waiting.add(callback);
    if (bytes > 0) this.#held.push(this.#hold(bytes));
  }

  #drained(): void {
    this.#release();
    const callbacks = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of callbacks) wake();
  }

  #release(): void {
    for (const held of this.#held) held[Symbol.dispose]();
    this.#held = [];
  }
}
