import type { CommittedFile } from './commit-tree.ts';
import { disks } from './disk-access.ts';
import type { FileStatus } from './disk-questions.ts';
import type { BytePath } from './paths.ts';
import { slices } from './turns.ts';

const CHUNK_BYTES = 256 * 1024;
/** So many bytes are compared in one question, or one file. */
const COMPARED_BYTES = 16 * 1024 * 1024;

/**
 * What lies under these paths; what isn't there, or only behind a symbolic link, is left out. Throws GitError, and what the
 * signal does.
 */
export async function readStatuses(
  directory: string,
  paths: Iterable<BytePath>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<BytePath, FileStatus>> {
  const statuses = new Map<BytePath, FileStatus>();
  for (const slice of slices(paths)) {
    signal?.throwIfAborted();
    const answers = await disks.ask(directory, 'statuses', directory, slice);
    for (const [index, status] of answers.entries()) {
      const path = slice[index];
      if (status !== null && path !== undefined) statuses.set(path, status);
    }
  }
  return statuses;
}

/** Files of a commit with whether those on disk hold the very bytes that were committed, some at a time. Throws GitError. */
export async function* compareContents(
  directory: string,
  files: Iterable<CommittedFile>,
): AsyncGenerator<readonly { readonly file: CommittedFile; readonly isSame: boolean }[]> {
  for (const slice of slices(files, { sizeOf: ({ sizeBytes }) => sizeBytes, mostBytes: COMPARED_BYTES })) {
    const answers = await disks.ask(directory, 'areAsCommitted', directory, slice);
    yield slice.map((file, index) => ({ file, isSame: answers[index] === true }));
  }
}

/** A regular file of a repository, opened for reading. */
export class OpenFile implements Disposable {
  readonly #directory: string;
  readonly #path: BytePath;
  readonly #descriptor: number;
  /** When it was opened. */
  readonly status: FileStatus;

  private constructor(directory: string, path: BytePath, descriptor: number, status: FileStatus) {
    this.#directory = directory;
    this.#path = path;
    this.#descriptor = descriptor;
    this.status = status;
  }

  /** Null: there is none any more. Throws GitError for whatever else lies there. */
  static async open(directory: string, path: BytePath): Promise<OpenFile | null> {
    const opened = await disks.ask(directory, 'open', directory, path);
    return opened === null ? null : new OpenFile(directory, path, opened.descriptor, opened.status);
  }

  /** As it is now. Throws GitError. */
  async statusNow(): Promise<FileStatus> {
    return disks.ask(this.#directory, 'statusOf', this.#descriptor, this.#path);
  }

  /** From its beginning to its end, which may have come nearer or gone further since it was opened. Throws GitError. */
  async *chunks(): AsyncGenerator<Buffer> {
    const length = Math.min(CHUNK_BYTES, Math.max(1, this.status.sizeBytes));
    for (;;) {
      const bytes = await disks.ask(this.#directory, 'read', this.#descriptor, this.#path, length);
      if (bytes.length === 0) return;
      yield Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
  }

  [Symbol.dispose](): void {
    void disks.close(this.#directory, this.#descriptor);
  }
}
