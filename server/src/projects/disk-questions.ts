import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import type { CommittedFile } from './commit-tree.ts';
import { GitError } from './git-error.ts';
import { type BytePath, onDisk, parentOf, readable } from './paths.ts';

const CHUNK_BYTES = 256 * 1024;

/** What lies on disk under a name. A link's size is that of its target's name. */
export interface FileStatus {
  readonly kind: 'file' | 'link' | 'folder' | 'other';
  readonly isExecutable: boolean;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  /** Another one after each change; see `stampOf`. */
  readonly stamp: string;
}

export interface FolderEntry {
  readonly name: BytePath;
  readonly isFolder: boolean;
}

export interface OpenedFile {
  readonly descriptor: number;
  readonly status: FileStatus;
}

/** Times of change and modification in nanoseconds, inode and size, of which git's index keeps 32 bits. */
export function stampOf(changedNs: bigint, modifiedNs: bigint, inode: bigint, size: bigint): string {
  return `${changedNs} ${modifiedNs} ${BigInt.asUintN(32, inode)} ${BigInt.asUintN(32, size)}`;
}

/**
 * What a disk is asked. Each call waits for it, for ever where it hangs, so they run in a thread of their own
 * (disk-worker.ts). `onAnswer` is called whenever it has answered, which may be often. All throw GitError.
 */
export class DiskQuestions {
  readonly #onAnswer: () => void;

  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer;
  }

  /** What lies under each of these paths; null: nothing, or something that is only behind a symbolic link. */
  statuses(directory: string, paths: readonly BytePath[]): readonly (FileStatus | null)[] {
    const folders = new FolderWalk((folder) => this.#status(directory, folder)?.kind === 'folder');
    return paths.map((path) => (folders.has(parentOf(path)) ? this.#status(directory, path) : null));
  }

  /** When a file was written; null: there is none. */
  modifiedNs(file: string): bigint | null {
    const path = Buffer.from(file).toString('latin1');
    return this.#ifThere(path, () => statSync(file, { bigint: true }).mtimeNs);
  }

  /** Whether each of these files and links on disk holds the very bytes that were committed. */
  areAsCommitted(directory: string, files: readonly CommittedFile[]): readonly boolean[] {
    return files.map((file) => this.#isAsCommitted(directory, file));
  }

  /** The bytes of a link's target, one character each; null: there is no such link any more. */
  target(directory: string, path: BytePath): string | null {
    const read = () => readlinkSync(onDisk(directory, path), { encoding: 'buffer' });
    return this.#ifThere(path, read, [...ABSENT, 'EINVAL'])?.toString('latin1') ?? null;
  }

  entries(directory: string, path: BytePath): readonly FolderEntry[] {
    const read = () => readdirSync(onDisk(directory, path), { withFileTypes: true, encoding: 'buffer' });
    return this.#ask(path, read).map((entry) => ({
      name: entry.name.toString('latin1'),
      isFolder: entry.isDirectory(),
    }));
  }

  /** A regular file, opened; null: there is none any more. */
  open(directory: string, path: BytePath): OpenedFile | null {
    // A pipe is not waited for, and a link that has come in its place is not followed.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const descriptor = this.#ifThere(path, () => openSync(onDisk(directory, path), flags));
    if (descriptor === null) return null;
    try {
      const status = this.statusOf(descriptor, path);
      if (status.kind === 'file') return { descriptor, status };
    } catch (cause) {
      this.close(descriptor);
      throw cause;
    }
    this.close(descriptor);
    throw new GitError(`${readable(path)} is neither a file nor a link, so it can't be sent`);
  }

  statusOf(descriptor: number, path: BytePath): FileStatus {
    return toStatus(this.#ask(path, () => fstatSync(descriptor, { bigint: true })));
  }

  /** So many bytes of what follows, or fewer; none at the end. */
  read(descriptor: number, path: BytePath, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    return bytes.subarray(
      0,
      this.#ask(path, () => readSync(descriptor, bytes)),
    );
  }

  close(descriptor: number): void {
    closeSync(descriptor);
    this.#onAnswer();
  }

  #isAsCommitted(directory: string, { kind, path, objectId, sizeBytes }: CommittedFile): boolean {
    const hash = createHash(objectId.length === 64 ? 'sha256' : 'sha1').update(`blob ${sizeBytes}\0`);
    if (kind === 'link') {
      const target = this.target(directory, path);
      return target !== null && hash.update(target, 'latin1').digest('hex') === objectId;
    }
    const file = this.open(directory, path);
    if (file === null) return false;
    try {
      const length = Math.min(CHUNK_BYTES, sizeBytes + 1);
      for (;;) {
        const bytes = this.read(file.descriptor, path, length);
        if (bytes.length === 0) return hash.digest('hex') === objectId;
        hash.update(bytes);
      }
    } finally {
      this.close(file.descriptor);
    }
  }

  #status(directory: string, path: BytePath): FileStatus | null {
    const stats = this.#ifThere(path, () => lstatSync(onDisk(directory, path), { bigint: true }));
    return stats === null ? null : toStatus(stats);
  }

  /** Null where nothing is there, or whatever else these codes say. */
  #ifThere<T>(path: BytePath, work: () => T, codes = ABSENT): T | null {
    try {
      return this.#ask(path, work);
    } catch (cause) {
      if (cause instanceof GitError && codes.includes(codeOf(cause.cause))) return null;
      throw cause;
    }
  }

  #ask<T>(path: BytePath, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw new GitError(`${readable(path)} can't be read (${codeOf(cause) || String(cause)})`, { cause });
    } finally {
      this.#onAnswer();
    }
  }
}

const ABSENT = ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'];

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function toStatus(stats: BigIntStats): FileStatus {
  return {
    kind: stats.isFile() ? 'file' : stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'folder' : 'other',
    isExecutable: (stats.mode & 0o100n) !== 0n,
    sizeBytes: Number(stats.size),
    modifiedNs: stats.mtimeNs,
    stamp: stampOf(stats.ctimeNs, stats.mtimeNs, stats.ino, stats.size),
  };
}

/**
 * Looks whether folders are there, each on the way to it once as long as paths come in order, as git lists them. A tree of
 * a few KiB can name millions of folders: it holds the last one alone, and looks for nothing below one that is missing.
 */
class FolderWalk {
  readonly #isFolder: (path: BytePath) => boolean;
  /** The last one that was found, and below it the first one that was not. */
  #found: BytePath = '';
  #missing: BytePath | null = null;

  constructor(isFolder: (path: BytePath) => boolean) {
    this.#isFolder = isFolder;
  }

  has(path: BytePath): boolean {
    if (this.#missing !== null && isIn(path, this.#missing)) return false;
    if (isIn(this.#found, path)) return true;
    this.#missing = null;
    this.#found = commonFolder(this.#found, path);
    while (this.#found !== path) {
      const end = path.indexOf('/', this.#found === '' ? 0 : this.#found.length + 1);
      const next = end === -1 ? path : path.slice(0, end);
      if (!this.#isFolder(next)) {
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
