import { resolve } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Places } from './places.ts';

/** Those of other repositories don't wait for one whose git hangs. */
const places = new Places({
  ofOwner: 3,
  inAll: 8,
  keptForOthers: 3,
  patienceMs: 60_000,
  busy: 'the server waits for git in this repository, or in too many others: try again in a while, or look why the disk is slow',
});
/** To start a process holds the event loop for milliseconds: others get their turn before each. */
const starts = pLimit(1);
/** For a git that is ended at its deadline. */
const GRACE_MS = 1000;

/**
 * Runs a git of a repository in its turn. One that a hanging disk keeps alive beyond its deadline
 * keeps its place in its repository until it ends, and takes none from others. Throws ServerBusy.
 *
 * @param repository its path, as git names it
 * @param timeoutMs its deadline, from its start
 * @param start settles when it has ended
 */
export async function inTurn<T>(repository: string, timeoutMs: number, start: () => Promise<T>): Promise<T> {
  const place = await places.take(resolve(repository));
  const { ended } = await starts(async () => {
    await setImmediate();
    return { ended: Promise.try(start).finally(() => place.leave()) };
  });
  void settled(ended, timeoutMs + GRACE_MS).then(() => place.leaveAll());
  return ended;
}

/** Resolves when it has settled, or after so many milliseconds. */
async function settled(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const done = new AbortController();
  const late = setTimeout(timeoutMs, undefined, { signal: done.signal, ref: false });
  await Promise.allSettled([Promise.race([work, late])]);
  done.abort();
}
