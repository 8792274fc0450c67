import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { type CommittedFile, describeCommit, readCommitTree, readContents } from './commit-tree.ts';
import { OpenFile, readStatuses } from './disk.ts';
import { disks } from './disk-access.ts';
import type { FileStatus } from './disk-questions.ts';
import { GitError } from './git-error.ts';
import { isLarge } from './lanes.ts';
import { checkCommitted, checkPacked } from './limits.ts';
import { Listing } from './listing.ts';
import type { DiskFile } from './nested.ts';
import { type BytePath, readable } from './paths.ts';
import { TAR_END, type TarEntry, tarHeader, tarPadding } from './tar.ts';
import { slices } from './turns.ts';
import { compareWorkTree } from './work-tree.ts';

const PACKING = { timeoutMs: 10 * 60_000, late: "the files weren't packed within 10 minutes" };
/** So much goes to the compressor at once. */
const PIECE_BYTES = 256 * 1024;
const EXPENSE = 3;

/**
 * The files that a job is to get. Nothing of the repository changes by it. What they are called is held in memory until
 * they are disposed of.
 */
export interface JobFiles extends Disposable {
  readonly directory: string;
  readonly sha: string;
  /** Whether they are others than the commit's. */
  readonly isDirty: boolean;
  readonly committed: readonly CommittedFile[];
  /** Read when they are packed. */
  readonly uncommitted: readonly DiskFile[];
}

/** A commit's files; or with `includeUncommitted` those of the work tree, of which that is the commit. Throws GitError. */
export async function chooseFiles(directory: string, sha: string, includeUncommitted: boolean): Promise<JobFiles> {
  const files = includeUncommitted ? await workTreeFiles(directory, sha) : await committedFiles(directory, sha);
  try {
    checkCommitted(files.committed);
    return files;
  } catch (cause) {
    files[Symbol.dispose]();
    throw cause;
  }
}

function workTreeFiles(directory: string, sha: string): Promise<JobFiles> {
  return Listing.of(directory, async (listing) => {
    const { isDirty, unchanged: committed, changed: uncommitted } = await compareWorkTree(directory, sha, listing);
    listing.keep([...committed, ...uncommitted]);
    const dispose = () => listing[Symbol.dispose]();
    return { directory, sha, isDirty, committed, uncommitted, [Symbol.dispose]: dispose };
  });
}

async function committedFiles(directory: string, sha: string): Promise<JobFiles> {
  const key = `${directory}\0${sha}`;
  const list = lists.get(key) ?? new CommitList(directory, sha);
  lists.set(key, list);
  const dispose = list.hold(() => lists.delete(key));
  try {
    return { directory, sha, isDirty: false, committed: await list.files, uncommitted: [], [Symbol.dispose]: dispose };
  } catch (cause) {
    dispose();
    throw cause;
  }
}

/** By repository and commit, those that are being read, or in the hands of jobs that wait for their turn. */
const lists = new Map<string, CommitList>();

/** One list for a hundred jobs of one commit that wait to be packed. What a commit holds never changes. */
class CommitList {
  readonly files: Promise<readonly CommittedFile[]>;
  #listing: Listing | null = null;
  #holders = 0;

  constructor(directory: string, sha: string) {
    this.files = Listing.of(directory, async (listing) => {
      const files = [...(await readCommitTree(directory, sha, listing)).values()];
      this.#listing = listing;
      return files;
    });
  }

  /** Until the answer is called; `forget` is, once nobody holds it any more. */
  hold(forget: () => void): () => void {
    this.#holders += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holders -= 1;
      if (this.#holders > 0) return;
      forget();
      this.#listing?.[Symbol.dispose]();
    };
  }
}

/** So many directories are named. */
const NAMED = 5;

/** What there is to tell of directories that a job gets without their files, in a line; null: nothing. */
export function leftOut({ committed }: Pick<JobFiles, 'committed'>): string | null {
  const submodules = committed.filter(({ kind }) => kind === 'submodule');
  if (submodules.length === 0) return null;
  const named = submodules.slice(0, NAMED).map(({ path }) => readable(path));
  const more = submodules.length - named.length;
  const all = more === 0 ? named.join(', ') : `${named.join(', ')} and ${more.toLocaleString('en-US')} more`;
  return `Empty for the job: ${all}. These are submodules, or repositories that were committed as one entry, whose files are no part of the commit: commit the files themselves, or put them on the cluster`;
}

/** Whether they take long to pack and to unpack: by what they take, or by how many files and directories they are. */
export function takeLong(files: JobFiles): boolean {
  let bytes = 0;
  let count = 0;
  let before = '';
  for (const { path, sizeBytes } of filesOf(files)) {
    bytes += sizeBytes + path.length;
    count += 1 + depthOf(path, commonLength(path, before));
    before = path;
    // So a look at a million is over after some thousands.
    if (isLarge(bytes, count)) return true;
  }
  return false;
}

/** How much of two paths is the same: what is behind it leads through directories of its own. */
function commonLength(path: BytePath, other: BytePath): number {
  let length = 0;
  while (length < path.length && path.charCodeAt(length) === other.charCodeAt(length)) length += 1;
  return length;
}

function* filesOf({ committed, uncommitted }: JobFiles): Generator<CommittedFile | DiskFile> {
  yield* committed;
  yield* uncommitted;
}

/**
 * Writes files as a gzipped tar to `target`, byte for byte. Not by `git archive`, which obeys attributes
 * (export-ignore, export-subst, filters, line ends) and configuration. Throws GitError.
 */
export async function packFiles(files: JobFiles, target: string): Promise<void> {
  const signal = AbortSignal.timeout(PACKING.timeoutMs);
  let size = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      size += chunk.length;
      try {
        checkPacked(size, filesOf(files));
        callback(null, chunk);
      } catch (cause) {
        callback(cause as GitError);
      }
    },
  });
  try {
    const archive = Readable.from(inPieces(archiveBytes(files)), { objectMode: false, highWaterMark: PIECE_BYTES });
    const compress = createGzip({ level: EXPENSE, chunkSize: PIECE_BYTES });
    // On the disk before the job is acknowledged.
    const file = createWriteStream(target, { mode: 0o600, flush: true });
    // A pipeline waits for a source that hangs, whatever the signal says.
    await Promise.race([pipeline(archive, compress, bounded, file, { signal }), aborted(signal)]);
  } catch (cause) {
    if (cause instanceof GitError) throw cause;
    throw new GitError(signal.aborted ? PACKING.late : `the files can't be packed: ${String(cause)}`, { cause });
  }
}

/** Rejects once the signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

async function* archiveBytes({ directory, sha, committed, uncommitted }: JobFiles): AsyncGenerator<Buffer> {
  const modifiedSeconds = Number(await describeCommit(directory, sha, '%ct'));
  const { submodules, contents } = await inOrder(committed);
  for (const { path } of submodules) yield tarHeader({ ...PLAIN, path, kind: 'directory', modifiedSeconds });
  for await (const { file, chunks } of readContents(directory, contents, PACKING)) {
    const { path, isExecutable, sizeBytes } = file;
    if (file.kind === 'link') {
      yield tarHeader({ ...PLAIN, path, kind: 'link', target: await text(chunks), modifiedSeconds });
    } else {
      yield tarHeader({ ...PLAIN, path, isExecutable, sizeBytes, modifiedSeconds });
      yield* chunks;
      yield tarPadding(sizeBytes);
    }
  }
  for (const { path } of uncommitted) yield* diskBytes(directory, path);
  yield TAR_END;
}

/**
 * A tree that is made by hand can hold a link and a directory of one name, and some tars write through a link that they have
 * made. So each link comes after all that may lie below it; then its place is taken, and tar says so. What lies below it has
 * a longer way: the deepest come first, in git's order. A million paths in no order would be sorted in one go of seconds.
 */
async function inOrder(
  committed: readonly CommittedFile[],
): Promise<{ readonly submodules: readonly CommittedFile[]; readonly contents: readonly CommittedFile[] }> {
  const submodules: CommittedFile[] = [];
  const files: CommittedFile[] = [];
  const links = new Map<number, CommittedFile[]>();
  for (const slice of slices(committed, { sizeOf: ({ path }) => path.length, mostBytes: PIECE_BYTES })) {
    for (const file of slice) {
      if (file.kind === 'submodule') submodules.push(file);
      if (file.kind === 'file') files.push(file);
      if (file.kind !== 'link') continue;
      const depth = depthOf(file.path);
      const beside = links.get(depth);
      if (beside === undefined) links.set(depth, [file]);
      else beside.push(file);
    }
    await nextTurn();
  }
  const deepestFirst = [...links].toSorted(([one], [other]) => other - one);
  return { submodules, contents: files.concat(...deepestFirst.map(([, beside]) => beside)) };
}

/** In how many directories it lies, but for those whose names end before `start`. */
function depthOf(path: BytePath, start = 0): number {
  let depth = 0;
  for (let at = path.indexOf('/', start); at !== -1; at = path.indexOf('/', at + 1)) depth += 1;
  return depth;
}

const PLAIN: Omit<TarEntry, 'path' | 'modifiedSeconds'> = {
  kind: 'file',
  isExecutable: false,
  sizeBytes: 0,
  target: '',
};

async function text(chunks: AsyncIterable<Buffer>): Promise<string> {
  let whole = '';
  for await (const chunk of chunks) whole += chunk.toString('latin1');
  return whole;
}

/** A file or link as it is on disk now; nothing when it is gone by now. */
async function* diskBytes(directory: string, path: BytePath): AsyncGenerator<Buffer> {
  const now = (await readStatuses(directory, [path])).get(path);
  if (now === undefined) return;
  if (now.kind === 'link') {
    const target = await disks.ask(directory, 'target', directory, path);
    if (target === null) throw changedMeanwhile(path);
    yield tarHeader({ ...PLAIN, path, kind: 'link', target, modifiedSeconds: modifiedSeconds(now) });
    return;
  }
  using file = await OpenFile.open(directory, path);
  if (file === null) return;
  const { status } = file;
  const { isExecutable, sizeBytes } = status;
  yield tarHeader({ ...PLAIN, path, isExecutable, sizeBytes, modifiedSeconds: modifiedSeconds(status) });
  let left = sizeBytes;
  for await (const chunk of file.chunks()) {
    yield chunk.subarray(0, left);
    left -= Math.min(left, chunk.length);
    if (left === 0) break;
  }
  const after = await file.statusNow();
  // What was only appended to has been read as it was at the beginning.
  const isRewritten = after.sizeBytes === sizeBytes && after.modifiedNs !== status.modifiedNs;
  if (left > 0 || isRewritten) throw changedMeanwhile(path);
  yield tarPadding(sizeBytes);
}

function modifiedSeconds({ modifiedNs }: FileStatus): number {
  return Number(modifiedNs / 1_000_000_000n);
}

function changedMeanwhile(path: BytePath): GitError {
  return new GitError(`${readable(path)} changed while it was read: submit again when nothing writes to it`);
}

/** The same bytes in fewer pieces: a hundred thousand small files would be three times as many writes. */
async function* inPieces(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let kept: Buffer[] = [];
  let size = 0;
  for await (const part of parts) {
    kept.push(part);
    size += part.length;
    if (size < PIECE_BYTES) continue;
    yield Buffer.concat(kept, size);
    kept = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(kept, size);
}
