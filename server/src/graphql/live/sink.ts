import type { Seats } from './seats.ts';

/** The way to one subscriber, over a connection that others may use as well. */
export interface Sink {
  /** As much waits for the subscriber as should: until it is drained, nothing is made for it or sent. */
  readonly isFull: boolean;
  /** Of its connection, for what is read for one subscriber alone. Left out: it has the connection for itself. */
  readonly seats?: Seats | undefined;
  send(result: Buffer): void;
  /** Calls back once, when there may be room. Never, once the subscriber is gone. `bytes`: what waits for it meanwhile. */
  whenDrained(callback: () => void, bytes: number): void;
}

/**
 * Resolves once a sink has room, or nobody waits for its results any more. Whoever goes on looks again: all who wait are
 * woken at once, and the first may fill it.
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
