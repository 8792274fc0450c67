import pLimit, { type LimitFunction } from 'p-limit';
import { GitError } from './git.ts';
import { inUnits } from './limits.ts';
import type { BytePath } from './paths.ts';

/** What a path takes beside its own length, with what is known of its file: 200 to 330 were measured. */
export const BYTES_A_PATH = 250;
/** What all listings hold at a time, at most. The largest work tree that is sent takes most of it while it is compared. */
export const MAX_LISTED_BYTES = 1024 ** 3;
/** As much is held by jobs that wait to be packed: the next listing begins when some of it is given back. */
const ENOUGH_BYTES = MAX_LISTED_BYTES / 4;
/** Of one repository: more at a time wouldn't be faster. Those of others don't wait for a disk that is slow. */
const SIDE_BY_SIDE = 2;

/** Others hold so much that there is no room for this one now. */
export class TooMuchListed extends GitError {}

let heldBytes = 0;
const waiting: (() => void)[] = [];
const places = new Map<string, LimitFunction>();

/** The memory that paths of a repository take, from when they are listed until it is disposed of. */
export class Listing implements Disposable {
  #bytes = 0;

  /** Does work that lists a repository's files, in its turn. The listing is disposed of if that fails. */
  static async of<T>(directory: string, work: (listing: Listing) => Promise<T>): Promise<T> {
    const limit = places.get(directory) ?? pLimit(SIDE_BY_SIDE);
    places.set(directory, limit);
    try {
      return await limit(async () => {
        while (heldBytes >= ENOUGH_BYTES) await new Promise<void>((resolve) => waiting.push(resolve));
        const listing = new Listing();
        try {
          return await work(listing);
        } catch (cause) {
          listing[Symbol.dispose]();
          throw cause;
        }
      });
    } finally {
      if (limit.activeCount + limit.pendingCount === 0) places.delete(directory);
    }
  }

  /** Throws TooMuchListed. */
  add(path: BytePath): void {
    this.#take(path.length + BYTES_A_PATH);
    if (heldBytes <= MAX_LISTED_BYTES) return;
    throw new TooMuchListed(
      `the server holds lists of files that take ${inUnits(MAX_LISTED_BYTES)}, for this and other jobs that are on their way: wait a moment`,
    );
  }

  /** Of all that was listed, these stay in memory. */
  keep(files: Iterable<{ readonly path: BytePath }>): void {
    let bytes = 0;
    for (const { path } of files) bytes += path.length + BYTES_A_PATH;
    this.#take(Math.min(bytes, this.#bytes) - this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#take(-this.#bytes);
  }

  #take(bytes: number): void {
    this.#bytes += bytes;
    heldBytes += bytes;
    if (bytes < 0 && heldBytes < ENOUGH_BYTES) for (const wake of waiting.splice(0)) wake();
  }
}
