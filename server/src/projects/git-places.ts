import { setImmediate, setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import { KeyedPlaces } from './lanes.ts';

/** Those of other repositories don't wait for one whose git hangs. */
const repositories = new KeyedPlaces(3);
const places = pLimit(8);
/** To start a process holds the event loop for milliseconds: others get their turn before each. */
const starts = pLimit(1);
/** For a git that is ended at its deadline. */
const GRACE_MS = 1000;

/**
 * Runs a git of a repository in its turn, the first come first. One that a hanging disk keeps alive beyond its deadline
 * keeps its place in its repository until it ends, and takes none from others.
 *
 * @param timeoutMs its deadline, from its start
 * @param start settles when it has ended
 */
export function inTurn<T>(directory: string, timeoutMs: number, start: () => Promise<T>): Promise<T> {
  return repositories.run(directory, async () => {
    const { ended } = await places(async () => {
      const started = await starts(async () => {
        await setImmediate();
        return { ended: start() };
      });
      await settled(started.ended, timeoutMs + GRACE_MS);
      return started;
    });
    return ended;
  });
}

/** Resolves when it has settled, or after so many milliseconds. */
async function settled(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const done = new AbortController();
  const late = setTimeout(timeoutMs, undefined, { signal: done.signal, ref: false });
  await Promise.allSettled([Promise.race([work, late])]);
  done.abort();
}
