import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs';
import type { CommittedFile } from './commit-tree.ts';
import { Names, type Room } from './entry-names.ts';
import { GitError } from './git-error.ts';
import { OpenDirectories } from './open-directories.ts';
import { type OwnPlace, OwnPlaces } from './own-places.ts';
import { type BytePath, readable } from './paths.ts';

const CHUNK_BYTES = 256 * 1024;
/** ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS, F2FS and bcachefs (statfs(2), and linux/magic.h). */
const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  ...[0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1, 0xf2f5_2010, 0xca45_1a4e],
]);

/** What lies on disk under a name. A link's size is that of its target's name. */
export interface FileStatus {
  readonly kind: 'file' | 'link' | 'directory' | 'other';
  readonly isExecutable: boolean;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  /** Another one after each change; see `stampOf`. */
  readonly stamp: string;
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
  readonly #own: OwnPlaces;

  /** `own`: what is never told of. */
  constructor(onAnswer: () => void, own: readonly OwnPlace[] = []) {
    this.#onAnswer = onAnswer;
    this.#own = new OwnPlaces(own);
  }

  /** What lies under each of these paths; null: nothing, or something that is only behind a symbolic link. */
  statuses(directory: string, paths: readonly BytePath[]): readonly (FileStatus | null)[] {
    using opened = this.#directoriesIn(directory);
    return paths.map((path) => this.#status(opened, path));
  }

  /** When a file was written; null: there is none. */
  modifiedNs(file: string): bigint | null {
    const path = Buffer.from(file).toString('latin1');
    return this.#ifThere(path, () => statSync(file, { bigint: true }).mtimeNs);
  }

  /** Whether a directory lies on a disk of this host's own, as far as is known; false: there is none. */
  isLocal(directory: string): boolean {
    const path = Buffer.from(directory).toString('latin1');
    const type = this.#ifThere(path, () => statfsSync(directory).type);
    return type !== null && (process.platform !== 'linux' || LOCAL_FILE_SYSTEMS.has(type));
  }

  /** Whether each of these files and links on disk holds the very bytes that were committed. */
  areAsCommitted(directory: string, files: readonly CommittedFile[]): readonly boolean[] {
    using opened = this.#directoriesIn(directory);
    return files.map((file) => this.#isAsCommitted(opened, file));
  }

  /** The bytes of a link's target, one character each; null: there is no such link any more. */
  target(directory: string, path: BytePath): string | null {
    using opened = this.#directoriesIn(directory);
    return this.#target(opened, path);
  }

  /**
   * All in a directory that is not `.git`, for `entriesIn`: none where there is no such directory any more. Ends with the
   * first that there is no room for.
   */
  entries(directory: string, path: BytePath, room: Room): Uint8Array<ArrayBuffer> {
    const names = new Names();
    using opened = this.#directoriesIn(directory);
    const name = opened.directory(path);
    if (name === null) return names.bytes();
    const found = this.#ask(path, () => opendirSync(name, { encoding: 'buffer' as BufferEncoding, bufferSize: 1000 }));
    try {
      while (names.count <= room.files && names.length <= room.bytes) {
        const entry = this.#ask(path, () => found.readSync());
        if (entry === null) break;
        names.add(entry.name as unknown as Buffer, entry.isDirectory());
      }
      return names.bytes();
    } finally {
      this.#ask(path, () => found.closeSync());
    }
  }

  /** A regular file, opened; null: there is none any more. */
  open(directory: string, path: BytePath): OpenedFile | null {
    using opened = this.#directoriesIn(directory);
    // To open a pipe or a device can do something by itself.
    const kind = this.#status(opened, path)?.kind;
    if (kind === 'directory' || kind === 'other') throw notAFile(path);
    return this.#open(opened, path);
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

  /** A link in the place of a directory counts as none. */
  #directoriesIn(directory: string): OpenDirectories {
    const open = (path: BytePath, name: Buffer, flags: number) =>
      this.#ifThere(path, () => openSync(name, flags), [...ABSENT, 'ELOOP']);
    return new OpenDirectories(directory, open, this.#own);
  }

  #target(opened: OpenDirectories, path: BytePath): string | null {
    const name = opened.entry(path);
    if (name === null) return null;
    const read = () => readlinkSync(name, { encoding: 'buffer' });
    return this.#ifThere(path, read, [...ABSENT, 'EINVAL'])?.toString('latin1') ?? null;
  }

  #open(opened: OpenDirectories, path: BytePath): OpenedFile | null {
    const name = opened.entry(path);
    if (name === null) return null;
    // A pipe that has come in its place is not waited for, and a link is not followed.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const descriptor = this.#ifThere(path, () => openSync(name, flags));
    if (descriptor === null) return null;
    try {
      const status = this.statusOf(descriptor, path);
      if (status.kind !== 'file') throw notAFile(path);
      return { descriptor, status };
    } catch (cause) {
      this.close(descriptor);
      throw cause;
    }
  }

  #isAsCommitted(opened: OpenDirectories, { kind, path, objectId, sizeBytes }: CommittedFile): boolean {
    const hash = createHash(objectId.length === 64 ? 'sha256' : 'sha1').update(`blob ${sizeBytes}\0`);
    if (kind === 'link') {
      const target = this.#target(opened, path);
      return target !== null && hash.update(target, 'latin1').digest('hex') === objectId;
    }
    const file = this.#open(opened, path);
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

  #status(opened: OpenDirectories, path: BytePath): FileStatus | null {
    const name = opened.entry(path);
    const stats = name && this.#ifThere(path, () => lstatSync(name, { bigint: true }));
    return stats && toStatus(stats);
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

function notAFile(path: BytePath): GitError {
  return new GitError(`${readable(path)} is neither a file nor a link, so it can't be sent`);
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function toStatus(stats: BigIntStats): FileStatus {
  return {
    kind: stats.isFile() ? 'file' : stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'directory' : 'other',
    isExecutable: (stats.mode & 0o100n) !== 0n,
    sizeBytes: Number(stats.size),
    modifiedNs: stats.mtimeNs,
    stamp: stampOf(stats.ctimeNs, stats.mtimeNs, stats.ino, stats.size),
  };
}
