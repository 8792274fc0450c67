import type { Room } from './entry-names.ts';
import { GitError, ServerBusy } from './git-error.ts';
import { inUnits, MAX_FILES, MAX_PATHS_BYTES } from './limits.ts';
import type { BytePath } from './paths.ts';
import { Places } from './places.ts';

/** What a path takes beside its own length, with what is known of its file: 200 to 330 were measured. */
export const BYTES_A_PATH = 250;
/** What all listings hold at a time, at most. The largest work tree that is sent takes most of it while it is compared. */
export const MAX_LISTED_BYTES = 1024 ** 3;
/** As much is held by jobs of a repository that wait to be packed: its next listing begins when some of it is given back. */
const ENOUGH_BYTES = MAX_LISTED_BYTES / 4;
/** As much is held by jobs of all: what is left is for listings that have begun. */
const FULL_BYTES = (3 * MAX_LISTED_BYTES) / 4;
/** Those that hold so much may be stuck with a disk that hangs. */
const PATIENCE_MS = 60_000;

let heldBytes = 0;
/** Of that, by repository, what is listed for jobs. */
const heldOf = new Map<string, number>();
const waiting = new Set<() => void>();
/** More at a time wouldn't be faster. Those of other repositories don't wait for a disk that is slow. */
const repositories = new Places({ ofOwner: 2, inAll: Number.POSITIVE_INFINITY });

/**
 * The memory that paths of a repository take, from when they are listed until it is disposed of. Work that lists into it may
 * go on then, as it waits for a disk: it ends at its next path, or when it asks `signal`.
 */
export class Listing implements Disposable {
  readonly #over = new AbortController();
  readonly signal: AbortSignal;
  #repository: string | null = null;
  #bytes = 0;

  /** `outer`: of a listing that it is no part of but ends with. */
  constructor(outer?: AbortSignal) {
    this.signal = outer === undefined ? this.#over.signal : AbortSignal.any([outer, this.#over.signal]);
  }

  /** Does work that lists a repository's files, in its turn. The listing is disposed of if that fails. */
  static of<T>(directory: string, work: (listing: Listing) => Promise<T>): Promise<T> {
    return repositories.run(directory, async () => {
      await untilThereIsRoom(directory);
      const listing = new Listing();
      listing.#repository = directory;
      try {
        return await work(listing);
      } catch (cause) {
        listing[Symbol.dispose]();
        throw cause;
      }
    });
  }

  /** Throws ServerBusy, and a GitError after it was disposed of. */
  add(path: BytePath): void {
    this.signal.throwIfAborted();
    this.#take(path.length + BYTES_A_PATH);
    if (heldBytes <= MAX_LISTED_BYTES) return;
    throw tooMuch(MAX_LISTED_BYTES);
  }

  /** Of all that was listed, these stay in memory. */
  keep(files: Iterable<{ readonly path: BytePath }>): void {
    let bytes = 0;
    for (const { path } of files) bytes += path.length + BYTES_A_PATH;
    this.#take(Math.min(bytes, this.#bytes) - this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#over.abort(new GitError('nobody waits for these files any more'));
    this.#take(-this.#bytes);
  }

  #take(bytes: number): void {
    this.#bytes += bytes;
    heldBytes += bytes;
    if (this.#repository !== null) {
      const held = (heldOf.get(this.#repository) ?? 0) + bytes;
      if (held === 0) heldOf.delete(this.#repository);
      else heldOf.set(this.#repository, held);
    }
    if (bytes < 0 && heldBytes < FULL_BYTES) for (const wake of waiting) wake();
  }
}

/** Counts paths as they are listed. Throws a GitError that begins with `what` once they are too many or too long. */
export class PathCount {
  readonly #listing: Listing;
  readonly #what: string;
  readonly #advice: string;
  #files = 0;
  #bytes = 0;

  constructor(listing: Listing, what: string, advice = '') {
    this.#listing = listing;
    this.#what = what;
    this.#advice = advice;
  }

  /** For those that are yet to come. */
  get room(): Room {
    return { files: MAX_FILES - this.#files, bytes: MAX_PATHS_BYTES - this.#bytes };
  }

  add(path: BytePath): void {
    this.#files += 1;
    this.#bytes += path.length;
    if (this.#files > MAX_FILES) throw new GitError(`${this.#what} more than ${MAX_FILES} files${this.#advice}`);
    if (this.#bytes > MAX_PATHS_BYTES) {
      throw new GitError(`${this.#what} files whose paths have more than ${inUnits(MAX_PATHS_BYTES)}${this.#advice}`);
    }
    this.#listing.add(path);
  }
}

/** What holds as much as it may, so that a listing has to wait; 0: nothing. */
function fullBytes(directory: string): number {
  if ((heldOf.get(directory) ?? 0) >= ENOUGH_BYTES) return ENOUGH_BYTES;
  return heldBytes >= FULL_BYTES ? FULL_BYTES : 0;
}

/** Throws ServerBusy when there is none for too long. */
async function untilThereIsRoom(directory: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let full = fullBytes(directory); full > 0; full = fullBytes(directory)) {
    const left = deadline - performance.now();
    if (left <= 0) throw tooMuch(full);
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.add(resolve);
    const timer = setTimeout(resolve, left);
    await promise;
    clearTimeout(timer);
    waiting.delete(resolve);
  }
}

function tooMuch(bytes: number): ServerBusy {
  const held = `the server holds lists of files that take ${inUnits(bytes)}`;
  return new ServerBusy(`${held}, for this and other jobs that are on their way: wait a moment`);
}
