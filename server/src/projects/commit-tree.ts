import { type Deadline, git, gitRecords, LISTING, startGit } from './git.ts';
import { GitError } from './git-error.ts';
import { inUnits, MAX_TARGET_BYTES } from './limits.ts';
import { type Listing, PathCount } from './listing.ts';
import { type BytePath, readable } from './paths.ts';
import { checkPath } from './safe-path.ts';

/** An entry of a commit's tree that is no directory. */
export interface CommittedFile {
  readonly path: BytePath;
  /** A submodule has no files in its commit, only the id of another repository's commit. */
  readonly kind: 'file' | 'link' | 'submodule';
  readonly isExecutable: boolean;
  readonly objectId: string;
  /** 0 for a submodule. */
  readonly sizeBytes: number;
}

export type CommitTree = ReadonlyMap<BytePath, CommittedFile>;

/** All that a commit holds, by path. Throws GitError. */
export async function readCommitTree(directory: string, sha: string, listing: Listing): Promise<CommitTree> {
  const files = new Map<BytePath, CommittedFile>();
  const count = new PathCount(listing, 'the commit has');
  const list = ['ls-tree', '-r', '-z', '-l', '--full-tree', sha];
  try {
    for await (const record of gitRecords(directory, list, LISTING)) {
      const file = readTreeRecord(record);
      count.add(file.path);
      files.set(file.path, file);
    }
  } catch (cause) {
    if (!(cause instanceof GitError) || !/promisor|not allowed/.test(cause.message)) throw cause;
    throw new GitError(`the repository lacks files of this commit: ${FETCH_IT}`, { cause });
  }
  return files;
}

/**
 * What a format of git's gives for a commit. Not by `git show`, which obeys more of the configuration and reads .mailmap.
 * Throws GitError.
 */
export async function describeCommit(directory: string, sha: string, format: string): Promise<string> {
  const text = await git(directory, ['rev-list', '--no-walk', '--encoding=UTF-8', `--format=${format}`, sha]);
  // The first line is "commit ID".
  return text.slice(text.indexOf('\n') + 1).trimEnd();
}

/** `mode type id size<TAB>path` (man git-ls-tree). */
function readTreeRecord(record: string): CommittedFile {
  const tab = record.indexOf('\t');
  const [mode = '', type = '', objectId = '', size = ''] = record.slice(0, tab).split(/ +/);
  const path = record.slice(tab + 1);
  checkPath(path, 'the commit holds', 'use a commit without it');
  if (type === 'commit') return { path, kind: 'submodule', isExecutable: false, objectId, sizeBytes: 0 };
  if (size === '-' || size === 'BAD') throw new GitError(missing(path));
  const kind = mode === '120000' ? 'link' : 'file';
  const sizeBytes = Number(size);
  // It is read as a whole.
  if (kind === 'link' && sizeBytes > MAX_TARGET_BYTES) {
    throw new GitError(`${readable(path)} is a link to a path of ${inUnits(sizeBytes)}, which no system can create`);
  }
  return { path, kind, isExecutable: (Number.parseInt(mode, 8) & 0o100) !== 0, objectId, sizeBytes };
}

/**
 * The content of files and links in this order, as it was committed. Each has to be read to its end before the next is
 * asked for. Throws GitError.
 */
export async function* readContents(
  directory: string,
  files: readonly CommittedFile[],
  deadline: Deadline,
): AsyncGenerator<{ readonly file: CommittedFile; readonly chunks: AsyncGenerator<Buffer> }> {
  // Staging bounds how many are packed at a time; they take minutes, for which others don't wait.
  const child = startGit(directory, ['cat-file', '--batch', '--buffer'], deadline, requests(files));
  const input = new ByteReader(child.stdout);
  try {
    for (const file of files) {
      const line = await input.line();
      if (line === null) {
        await child.ended;
        throw new GitError(`git ended before it reported ${readable(file.path)}`);
      }
      if (line !== `${file.objectId} blob ${file.sizeBytes}`) throw new GitError(missing(file.path));
      yield { file, chunks: input.bytes(file.sizeBytes) };
      await input.skip(1);
    }
    await child.ended;
  } finally {
    child.kill();
  }
}

function* requests(files: readonly CommittedFile[]): Generator<string> {
  for (let start = 0; start < files.length; start += 1000) {
    yield files
      .slice(start, start + 1000)
      .map(({ objectId }) => `${objectId}\n`)
      .join('');
  }
}

function missing(path: BytePath): string {
  return `the content of ${readable(path)} is not in the repository: ${FETCH_IT}`;
}

// Nothing is fetched here: that may take any time, ask for a password, and start what a repository names.
const FETCH_IT =
  'where it is a partial clone, check the commit out once or run "git fetch --refetch --no-filter"; else see what "git fsck" says';

/** Takes a stream apart that holds lines and counted bytes. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #kept: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Without its end; null when there is no whole one any more. */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.#kept.indexOf(10);
      if (end !== -1) {
        const line = this.#kept.toString('latin1', 0, end);
        this.#kept = this.#kept.subarray(end + 1);
        return line;
      }
      const more = await this.#read();
      if (more === null) return null;
      this.#kept = Buffer.concat([this.#kept, more]);
    }
  }

  async *bytes(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      const chunk = this.#kept.length > 0 ? this.#kept : await this.#read();
      if (chunk === null) throw new GitError('git ended in the middle of a file');
      this.#kept = chunk.subarray(Math.min(left, chunk.length));
      yield chunk.subarray(0, left);
      left -= Math.min(left, chunk.length);
    }
  }

  async skip(count: number): Promise<void> {
    for await (const _ of this.bytes(count));
  }

  async #read(): Promise<Buffer | null> {
    const { done, value } = await this.#chunks.next();
    return done === true ? null : value;
  }
}
