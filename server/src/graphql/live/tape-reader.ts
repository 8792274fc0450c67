import { type Sink, untilRoom } from './sink.ts';

/** One subscriber of a tape: how far it has been sent the feed, and whether it can take more. */
export class TapeReader {
  readonly ended = Promise.withResolvers<void>();
  /** Everything up to here was sent, or skipped. */
  position: number;
  /** Number of its next entry on the tape; null while it catches up by itself. */
  next: number | null = null;
  readonly #sink: Sink;
  readonly #leaving = new AbortController();
  #isReady = true;

  constructor(sink: Sink, position: number) {
    this.#sink = sink;
    this.position = position;
    // It may fail before anybody awaits it.
    this.ended.promise.catch(() => undefined);
  }

  /** Aborted once it has left. */
  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  /** It is not waiting for room. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** False: there was no room; another subscriber of its connection may have taken it. */
  offer(result: Buffer): boolean {
    const hasRoom = !this.#sink.isFull;
    if (hasRoom) this.#sink.send(result);
    this.#isReady = !this.#sink.isFull;
    return hasRoom;
  }

  /** Resolves once it has been sent, or the subscriber has left. */
  async deliver(result: Buffer): Promise<void> {
    while (!this.signal.aborted && !this.offer(result)) await untilRoom(this.#sink, this.signal, result.length);
  }

  /** Resolves when there may be room, or it has left. */
  async drained(): Promise<void> {
    await untilRoom(this.#sink, this.signal);
    this.#isReady = true;
  }

  leave(): void {
    this.#leaving.abort();
  }
}
