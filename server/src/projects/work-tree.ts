import { type CommitTree, type CommittedFile, readCommitTree } from './commit-tree.ts';
import { compareContents, readStatuses } from './disk.ts';
import type { FileStatus } from './disk-questions.ts';
import { gitIfAny, gitRecords, LISTING } from './git.ts';
import { GitError, GitExit, UnreadableDirectory } from './git-error.ts';
import { Index } from './git-index.ts';
import { checkUncommitted } from './limits.ts';
import { Listing, PathCount } from './listing.ts';
import { type DiskFile, filesInside, repositoryInside } from './nested.ts';
import type { BytePath } from './paths.ts';
import { checkPath } from './safe-path.ts';
import { inTurns } from './turns.ts';

/**
 * What "uncommitted" means, in what is shown, what is sent and what is recorded:
 *
 * A work tree differs from a commit when a file does: one of the commit's that has other bytes, another kind or another
 * executable bit on disk, or is gone; or one on disk that is not in the commit and that git tracks or doesn't ignore.
 * Bytes are those on disk: no filter and no conversion of line ends is applied, so what git writes in another form than
 * it is committed (Git LFS, core.autocrlf) differs. What is staged, and what git is told not to look at
 * (assume-unchanged, skip-worktree, core.fileMode, core.ignoreStat), makes no difference; only what a sparse checkout
 * leaves out is as it was committed.
 *
 * A repository inside the work tree is a directory of files, with its own rules for what is ignored, also when it was
 * committed by mistake, as an entry without a place in .gitmodules; so is a submodule in another state than the committed
 * one. The files of one in the committed state are no part of the commit.
 */
export interface WorkTree {
  readonly isDirty: boolean;
  /** What is on disk as it was committed. */
  readonly unchanged: readonly CommittedFile[];
  /** What is to be read from disk. */
  readonly changed: readonly DiskFile[];
}

const TOO_MANY = ': let git ignore what is not code (.gitignore)';

/** For comparing the bytes on disk with what was committed. */
const COMPARING_MS = 5 * 60_000;

/** Compares the work tree with a commit. Throws GitError, also when what differs is too much to be sent. */
export async function compareWorkTree(directory: string, sha: string, listing: Listing): Promise<WorkTree> {
  const committed = await readCommitTree(directory, sha, listing);
  const look = await inTime(() => lookAt(directory, committed, others(directory), listing));
  const { changed, unchanged } = look;
  // Before anything is read: what is too large is so by its size alone.
  checkUncommitted(changed);
  await inTime(async () => {
    for await (const compared of compareContents(directory, look.suspects)) {
      listing.signal.throwIfAborted();
      for (const { file, isSame } of compared) {
        if (isSame) unchanged.push(file);
        else changed.push({ path: file.path, sizeBytes: file.sizeBytes });
      }
    }
  });
  checkUncommitted(changed);
  return { isDirty: changed.length > 0 || unchanged.length < look.count, unchanged, changed };
}

/** Whether the work tree differs from a commit; null: from nothing. Throws GitError, and what the signal does. */
export async function isDirty(directory: string, sha: string | null, signal?: AbortSignal): Promise<boolean> {
  using listing = new Listing(signal);
  const committed: CommitTree = sha === null ? new Map() : await readCommitTree(directory, sha, listing);
  // However many there are, one is enough.
  const rest: string[] = [];
  const count = new PathCount(listing, 'the work tree has', TOO_MANY);
  try {
    for await (const path of others(directory)) {
      if (!path.endsWith('/') && !committed.has(path)) return true;
      count.add(path);
      rest.push(path);
    }
  } catch (cause) {
    // git has no rule to ignore it, so what it holds isn't committed.
    if (cause instanceof UnreadableDirectory) return true;
    throw cause;
  }
  const look = await inTime(() => lookAt(directory, committed, rest, listing));
  const { changed, unchanged, suspects } = look;
  if (changed.length > 0 || unchanged.length + suspects.length < look.count) return true;
  return await inTime(async () => {
    for await (const compared of compareContents(directory, suspects)) {
      listing.signal.throwIfAborted();
      if (compared.some(({ isSame }) => !isSame)) return true;
    }
    return false;
  });
}

/**
 * Throws GitError where the disk takes longer than COMPARING_MS, also for a call that never returns. The work ends then with
 * its listing, which is disposed of by whoever made it.
 */
export async function inTime<T>(work: () => Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new GitError(`the work tree was not compared within ${COMPARING_MS / 60_000} minutes: look why the disk is slow`),
    );
  }, COMPARING_MS);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What can be told without reading a file. */
interface Look {
  readonly index: Index;
  /** Of files in the commit. What is neither unchanged nor suspect has been changed or removed. */
  readonly count: number;
  readonly unchanged: CommittedFile[];
  readonly changed: DiskFile[];
  /** Of the commit, and no file or link any more. */
  readonly removed: readonly CommittedFile[];
  /** Of the committed size and kind: their bytes have to be compared. */
  readonly suspects: readonly CommittedFile[];
}

/** `rest`: what `others` tells. */
export async function lookAt(
  directory: string,
  committed: CommitTree,
  rest: AsyncIterable<string> | Iterable<string>,
  listing: Listing,
): Promise<Look> {
  const index = await Index.read(directory, listing);
  const paths = new Set<BytePath>();
  const repositories = new Set<BytePath>();
  const tracked = new PathCount(listing, 'the work tree has', TOO_MANY);
  for (const known of [committed.keys(), index.paths()]) {
    for await (const path of inTurns(known)) {
      if (!paths.has(path)) tracked.add(path);
      paths.add(path);
    }
  }
  for await (const path of inTurns(rest)) {
    tracked.add(path);
    if (path.endsWith('/')) repositories.add(path.slice(0, -1));
    else paths.add(path);
  }
  const statuses = await readStatuses(directory, paths, listing.signal);
  const unchanged: CommittedFile[] = [];
  const suspects: CommittedFile[] = [];
  const removed: CommittedFile[] = [];
  const changed = new Map<BytePath, DiskFile>();
  const submodules = await submodulePaths(directory, listing);
  for await (const path of inTurns(paths)) {
    const was = committed.get(path);
    const now = statuses.get(path);
    const mayBeRepository = was?.kind === 'submodule' || index.isSubmodule(path);
    if (now === undefined) {
      // A directory without files is nothing that could be missing.
      if (was?.kind === 'submodule' || (was !== undefined && index.isLeftOut(path))) unchanged.push(was);
      else if (was !== undefined) removed.push(was);
    } else if (now.kind === 'directory') {
      if (
        mayBeRepository &&
        (await isSubmoduleChanged(directory, path, submodules.has(path) ? was : undefined, listing))
      )
        repositories.add(path);
      else if (was?.kind === 'submodule') unchanged.push(was);
      else if (was !== undefined) removed.push(was);
    } else if (was !== undefined && isAlike(was, now)) {
      (index.provesUnchanged(was, now) ? unchanged : suspects).push(was);
    } else changed.set(path, { path, sizeBytes: now.sizeBytes });
  }
  for (const path of repositories) {
    for await (const file of inTurns(await filesInside(directory, path, listing))) changed.set(file.path, file);
  }
  return { index, count: committed.size, unchanged, changed: [...changed.values()], removed, suspects };
}

/** Where .gitmodules says that there are submodules. It may say anything, so it is only compared with paths of the commit. */
async function submodulePaths(directory: string, listing: Listing): Promise<ReadonlySet<BytePath>> {
  const paths = new Set<BytePath>();
  const count = new PathCount(listing, '.gitmodules names');
  const list = ['config', '-z', '--file', '.gitmodules', '--get-regexp', '^submodule[.].*[.]path$'];
  try {
    for await (const record of gitRecords(directory, list, LISTING)) {
      count.add(record);
      paths.add(record.slice(record.indexOf('\n') + 1));
    }
  } catch (cause) {
    // No such file, or none that git can read: what lies there comes along.
    if (!(cause instanceof GitExit)) throw cause;
  }
  return paths;
}

/**
 * Files that are in neither commit nor index and not ignored; a repository among them is a name with a slash. Throws
 * UnreadableDirectory when git couldn't look everywhere.
 */
export async function* others(directory: string): AsyncGenerator<string> {
  for await (const path of gitRecords(directory, ['ls-files', '-z', '--others', '--exclude-standard'], LISTING)) {
    checkPath(path.replace(/\/$/, ''), 'the work tree holds', 'rename it, or let git ignore it (.gitignore)');
    yield path;
  }
}

function isAlike(was: CommittedFile, now: FileStatus): boolean {
  return (
    was.kind === now.kind &&
    was.sizeBytes === now.sizeBytes &&
    (was.kind === 'link' || was.isExecutable === now.isExecutable)
  );
}

/** Whether files lie in a submodule's directory that are not those of the committed state. */
async function isSubmoduleChanged(
  directory: string,
  path: BytePath,
  was: CommittedFile | undefined,
  listing: Listing,
): Promise<boolean> {
  listing.signal.throwIfAborted();
  const repository = await repositoryInside(directory, path);
  if (repository !== null && was?.kind === 'submodule') {
    const head = await gitIfAny(repository, ['rev-parse', '--verify', '--quiet', 'HEAD']);
    if (head.trim() === was.objectId) return isDirty(repository, was.objectId, listing.signal);
  }
  return (await filesInside(directory, path, listing)).length > 0;
}
