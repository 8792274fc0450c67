import type { UncommittedKind } from '../domain/project.ts';
import { type CommitTree, type CommittedFile, readCommitTree } from './commit-tree.ts';
import { compareContents } from './disk.ts';
import { GitError, ServerBusy, UnreadableDirectory } from './git-error.ts';
import { Listing } from './listing.ts';
import { type BytePath, parentOf } from './paths.ts';
import { inTurns } from './turns.ts';
import { inTime, lookAt, others } from './work-tree.ts';

/** So many files that git doesn't track are looked at: who has more of them has forgotten to let git ignore them. */
const MOST_UNTRACKED = 100_000;

/** A file of a work tree that differs from a commit. */
export interface UncommittedPath {
  readonly path: BytePath;
  readonly kind: UncommittedKind;
  /** Null: it is gone, or can't be looked at. */
  readonly sizeBytes: number | null;
}

export interface Uncommitted {
  readonly isDirty: boolean;
  /** In the order of their paths. */
  readonly files: readonly UncommittedPath[];
  /** Where files lie that git tracks, or that it neither tracks nor ignores; the top level is "". */
  readonly directories: ReadonlySet<BytePath>;
}

/** In what a work tree differs from a commit; null: from nothing. Throws GitError, and what the signal does. */
export async function uncommittedIn(directory: string, sha: string | null, signal?: AbortSignal): Promise<Uncommitted> {
  using listing = new Listing(signal);
  const committed: CommitTree = sha === null ? new Map() : await readCommitTree(directory, sha, listing);
  const untracked = await untrackedIn(directory);
  try {
    return await comparedWith(directory, committed, untracked, listing);
  } catch (cause) {
    const paths = untracked.paths.filter((path) => !path.endsWith('/') && !committed.has(path));
    // One that isn't committed is enough, whatever keeps the others from being looked at.
    if (!(cause instanceof GitError) || cause instanceof ServerBusy || paths.length === 0) throw cause;
    const files = paths.map((path): UncommittedPath => ({ path, kind: 'UNTRACKED', sizeBytes: null }));
    return { isDirty: true, files, directories: await directoriesOf(paths) };
  }
}

async function comparedWith(
  directory: string,
  committed: CommitTree,
  untracked: Untracked,
  listing: Listing,
): Promise<Uncommitted> {
  const look = await inTime(() => lookAt(directory, committed, untracked.paths, listing));
  const { index, changed, removed, unchanged, suspects } = look;
  const rewritten = await inTime(async () => {
    const found: CommittedFile[] = [];
    for await (const compared of compareContents(directory, suspects)) {
      listing.signal.throwIfAborted();
      for (const { file, isSame } of compared) if (!isSame) found.push(file);
    }
    return found;
  });
  const gone = new Map<string, BytePath>();
  const files = new Map<BytePath, UncommittedPath>();
  for await (const { path, objectId } of inTurns(removed)) {
    gone.set(objectId, path);
    files.set(path, { path, kind: 'DELETED', sizeBytes: null });
  }
  for await (const { path, sizeBytes } of inTurns([...changed, ...rewritten])) {
    const staged = index.objectId(path);
    const before = staged === null || committed.has(path) ? undefined : gone.get(staged);
    if (before !== undefined) files.delete(before);
    const ofNew = staged === null ? 'UNTRACKED' : before === undefined ? 'ADDED' : 'RENAMED';
    files.set(path, { path, kind: committed.has(path) ? 'MODIFIED' : ofNew, sizeBytes });
  }
  for await (const file of inTurns(files.values())) {
    if (index.isUnmerged(file.path)) files.set(file.path, { ...file, kind: 'CONFLICTED' });
  }
  return {
    isDirty: !untracked.areAll || files.size > 0 || unchanged.length + suspects.length < committed.size,
    files: [...files.values()].sort((one, other) => (one.path < other.path ? -1 : 1)),
    directories: await directoriesOf(committed.keys(), index.paths(), files.keys()),
  };
}

async function directoriesOf(...lists: readonly Iterable<BytePath>[]): Promise<ReadonlySet<BytePath>> {
  const directories = new Set<BytePath>(['']);
  for (const paths of lists) {
    for await (const path of inTurns(paths)) {
      for (let at = parentOf(path); !directories.has(at); at = parentOf(at)) directories.add(at);
    }
  }
  return directories;
}

/** What git neither tracks nor ignores; a repository is a name with a slash. */
interface Untracked {
  readonly paths: readonly string[];
  /** False: there are more, or git couldn't look everywhere. */
  readonly areAll: boolean;
}

async function untrackedIn(directory: string): Promise<Untracked> {
  const paths: string[] = [];
  try {
    for await (const path of others(directory)) {
      paths.push(path);
      if (paths.length === MOST_UNTRACKED) return { paths, areAll: false };
    }
  } catch (cause) {
    // git has no rule to ignore it, so what it holds isn't committed.
    if (!(cause instanceof UnreadableDirectory)) throw cause;
    return { paths, areAll: false };
  }
  return { paths, areAll: true };
}
