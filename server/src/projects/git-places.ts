import { resolve } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import { GitError } from './git-error.ts';
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
export const GRACE_MS = 1000;

/** Whose turn it is where nobody knows yet which repository a path is in. */
export const NO_REPOSITORY = '/';
/**
 * So many gits of NO_REPOSITORY may be left over by disks that hang: what they were asked is everybody's, so the next may be
 * asked without them. Beyond that, they keep their places.
 */
const MOST_LEFT_OVER = 20;
let leftOver = 0;

/** What a git that takes too long has said. */
export const LATE = 'git did not answer in time';

/**
 * Runs a git of a repository in its turn. One that a hanging disk keeps alive beyond its deadline keeps its place in its
 * repository until it ends, and takes none from others; whoever asked is told. Throws ServerBusy, and GitError then.
 *
 * @param repository its path, as git names it
 * @param timeoutMs its deadline, from its start
 * @param start settles when it has ended
 */
export async function inTurn<T>(repository: string, timeoutMs: number, start: () => Promise<T>): Promise<T> {
  const owner = resolve(repository);
  const place = await places.take(owner);
  const { ended } = await starts(async () => {
    await setImmediate();
    return { ended: Promise.try(start).finally(() => place.leave()) };
  });
  if (await hasSettled(ended, timeoutMs + GRACE_MS)) return ended;
  place.leaveAll();
  if (owner === NO_REPOSITORY && leftOver < MOST_LEFT_OVER) {
    leftOver += 1;
    place.leave();
    const end = () => {
      leftOver -= 1;
    };
    ended.then(end, end);
  }
  ended.catch(() => undefined);
  throw new GitError(LATE);
}

/** False: it hasn't after so many milliseconds. */
async function hasSettled(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const done = new AbortController();
  const late = setTimeout(timeoutMs, false, { signal: done.signal, ref: false }).catch(() => false);
  const settled = work.then(
    () => true,
    () => true,
  );
  const isSettled = await Promise.race([settled, late]);
  done.abort();
  return isSettled;
}
