import type { Seats } from './seats.ts';

/** The connection to one subscriber, which others may share. */
export interface Sink {
  /** Enough waits for the subscriber: until it is drained, nothing is serialised or sent for it. */
  readonly isFull: boolean;
  /** Seats of its connection, for data that is read for one subscriber. Absent: the connection isn't shared. */
  readonly seats?: Seats | undefined;
  send(result: Buffer): void;
  /**
   * Calls back once, when there may be room. Never, once the subscriber is gone. `bytes`: what waits for it meanwhile.
   */
  whenDrained(callback: () => void, bytes: number): void;
}

/**
 * Resolves once a sink has room, or nobody waits for its results. Callers must check again: all are woken at once, and
 * the first may fill it.
 */
export async function untilRoom(sink: Sink, signal: AbortSignal, bytes = 0): Promise<void> {
  if (!sink.isFull || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  signal.addEventListener('abort', wake, { once: true });
  sink.whenDrained(wake, bytes);
  await promise;
  signal.removeEventListener('abort', wake);
}
