import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { CommittedFile } from './commit-tree.ts';
import { GitError } from './git-error.ts';
import { type BytePath, onDisk, parentOf, readable } from './paths.ts';

/** So many files are looked at together. */
const TOGETHER = 128;
/** After so many paths, others get their turn on the event loop. */
const TURN = 1000;
const CHUNK_BYTES = 256 * 1024;

/** What lies on disk under a name. A link's size is that of its target's name. */
export interface FileStatus {
  readonly kind: 'file' | 'link' | 'folder' | 'other';
  readonly isExecutable: boolean;
  readonly sizeBytes: number;
  /** Another one after each change; see `stampOf`. */
  readonly stamp: string;
}

/** Times of change and modification in nanoseconds, inode and size, of which git's index keeps 32 bits. */
export function stampOf(changedNs: bigint, modifiedNs: bigint, inode: bigint, size: bigint): string {
  return `${changedNs} ${modifiedNs} ${BigInt.asUintN(32, inode)} ${BigInt.asUintN(32, size)}`;
}

/** What lies under these paths; what isn't there, or only behind a symbolic link, is left out. Throws GitError. */
export async function readStatuses(
  directory: string,
  paths: Iterable<BytePath>,
): Promise<ReadonlyMap<BytePath, FileStatus>> {
  const folders = new FolderWalk(directory);
  const statuses = new Map<BytePath, FileStatus>();
  await inBatches(present(paths, folders), async (path) => {
    const status = await readStatus(directory, path);
    if (status !== null) statuses.set(path, status);
  });
  return statuses;
}

/** Those whose folders are there. */
async function* present(paths: Iterable<BytePath>, folders: FolderWalk): AsyncGenerator<BytePath> {
  let count = 0;
  for (const path of paths) {
    count += 1;
    if (count % TURN === 0) await setImmediate();
    if (await folders.has(parentOf(path))) yield path;
  }
}

/**
 * Looks whether folders are there, each on the way to it once as long as paths come in order, as git lists them. A tree of
 * a few KiB can name millions of folders: it holds the last one alone, and looks for nothing below one that is missing.
 */
class FolderWalk {
  readonly #directory: string;
  /** The last one that was found, and below it the first one that was not. */
  #found: BytePath = '';
  #missing: BytePath | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async has(path: BytePath): Promise<boolean> {
    if (this.#missing !== null && isIn(path, this.#missing)) return false;
    if (isIn(this.#found, path)) return true;
    this.#missing = null;
    this.#found = commonFolder(this.#found, path);
    while (this.#found !== path) {
      const end = path.indexOf('/', this.#found === '' ? 0 : this.#found.length + 1);
      const next = end === -1 ? path : path.slice(0, end);
      if ((await readStatus(this.#directory, next))?.kind !== 'folder') {
        this.#missing = next;
        return false;
      }
      this.#found = next;
    }
    return true;
  }
}

/** Whether a path is that of a folder or lies below it. */
function isIn(path: BytePath, folder: BytePath): boolean {
  if (folder === '') return true;
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/');
}

/** The deepest folder in which both lie, or which one of them is. */
function commonFolder(left: BytePath, right: BytePath): BytePath {
  let end = 0;
  for (let index = 0; ; index += 1) {
    const isEnd = (path: BytePath) => index === path.length || path[index] === '/';
    if (isEnd(left) && isEnd(right)) end = index;
    if (index >= left.length || index >= right.length || left[index] !== right[index]) return left.slice(0, end);
  }
}

/** Does the same for each of many, a bounded number at a time. */
export async function inBatches<T>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let batch: Promise<void>[] = [];
  for await (const item of items) {
    batch.push(work(item));
    if (batch.length < TOGETHER) continue;
    await Promise.all(batch);
    batch = [];
  }
  await Promise.all(batch);
}

async function readStatus(directory: string, path: BytePath): Promise<FileStatus | null> {
  try {
    const stats = await lstat(onDisk(directory, path), { bigint: true });
    const kind = stats.isFile() ? 'file' : stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'folder' : 'other';
    const stamp = stampOf(stats.ctimeNs, stats.mtimeNs, stats.ino, stats.size);
    return { kind, isExecutable: (stats.mode & 0o100n) !== 0n, sizeBytes: Number(stats.size), stamp };
  } catch (cause) {
    if (isAbsent(cause)) return null;
    throw unreadable(path, cause);
  }
}

/** Whether a file or link on disk holds the very bytes that were committed. Throws GitError, or once `signal` says so. */
export async function hasCommittedContent(
  directory: string,
  file: CommittedFile,
  signal?: AbortSignal,
): Promise<boolean> {
  signal?.throwIfAborted();
  const hash = createHash(file.objectId.length === 64 ? 'sha256' : 'sha1').update(`blob ${file.sizeBytes}\0`);
  if (file.kind === 'link') {
    const target = await readTarget(directory, file.path);
    return target !== null && hash.update(target, 'latin1').digest('hex') === file.objectId;
  }
  const handle = await openFile(directory, file.path);
  if (handle === null) return false;
  try {
    for await (const chunk of chunksOf(handle, file)) {
      signal?.throwIfAborted();
      hash.update(chunk);
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex') === file.objectId;
}

/** The bytes of a link's target, one character each; null: there is no such link any more. Throws GitError. */
export async function readTarget(directory: string, path: BytePath): Promise<string | null> {
  try {
    return (await readlink(onDisk(directory, path), { encoding: 'buffer' })).toString('latin1');
  } catch (cause) {
    if (isAbsent(cause) || codeOf(cause) === 'EINVAL') return null;
    throw unreadable(path, cause);
  }
}

/** A regular file, opened; null: there is none any more. Throws GitError for whatever else lies there. */
export async function openFile(directory: string, path: BytePath): Promise<FileHandle | null> {
  let handle: FileHandle;
  try {
    // A pipe is not waited for, and a link that has come in its place is not followed.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    handle = await open(onDisk(directory, path), flags);
  } catch (cause) {
    if (isAbsent(cause)) return null;
    throw unreadable(path, cause);
  }
  const isFile = await handle.stat().then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (isFile) return handle;
  await handle.close();
  throw new GitError(`${readable(path)} is neither a file nor a link, so it can't be sent`);
}

/** A file from its beginning to its end, which may have come nearer or gone further than `sizeBytes`. Throws GitError. */
export async function* chunksOf(
  handle: FileHandle,
  { path, sizeBytes }: { readonly path: BytePath; readonly sizeBytes: number },
): AsyncGenerator<Buffer> {
  const length = Math.min(CHUNK_BYTES, Math.max(1, sizeBytes));
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length).catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

function isAbsent(cause: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(codeOf(cause));
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

/** A path that is there and can't be read. */
export function unreadable(path: BytePath, cause: unknown): GitError {
  return new GitError(`${readable(path)} can't be read (${codeOf(cause) || String(cause)})`, { cause });
}
