import { GitError } from './git-error.ts';
import { type BytePath, readable } from './paths.ts';

// Data sets belong on the cluster, not into a repository that is sent with each job.
const GIB = 1024 ** 3;
/** What a commit holds, before it is packed. */
export const MAX_COMMITTED_BYTES = 4 * GIB;
/** What comes from the work tree, before it is packed. */
export const MAX_UNCOMMITTED_BYTES = GIB;
/** What is sent. */
export const MAX_PACKED_BYTES = GIB;
/** What the server keeps of jobs that are on their way to a cluster. */
export const MAX_STAGED_BYTES = 20 * GIB;
/** Of a commit, and of a work tree. */
export const MAX_FILES = 1_000_000;
/** Of their paths together: a tree of a few KiB can hold the same directories many times, under names of any length. */
export const MAX_PATHS_BYTES = 128 * 1024 ** 2;
/** Of the path that a link leads to: no system makes a longer one (PATH_MAX). */
export const MAX_TARGET_BYTES = 4096;

/** So many of the largest files are named. */
const NAMED = 3;

interface Sized {
  readonly path: BytePath;
  readonly sizeBytes: number;
}

/** Throws a GitError that names the largest of them when files of a commit are too much. */
export function checkCommitted(files: readonly Sized[]): void {
  if (sumOf(files) <= MAX_COMMITTED_BYTES) return;
  throw new GitError(
    `the commit has ${weigh(files)}; at most ${inUnits(MAX_COMMITTED_BYTES)} of files are sent with a job: keep data sets on the cluster`,
  );
}

/** Throws a GitError that names the largest of the files once more has been packed of them than is sent. */
export function checkPacked(packedBytes: number, files: Iterable<Sized>): void {
  if (packedBytes <= MAX_PACKED_BYTES) return;
  const most = inUnits(MAX_PACKED_BYTES);
  throw new GitError(
    `${weigh(files)} come to more than ${most} when they are packed; at most ${most} is sent with a job: keep data sets on the cluster`,
  );
}

/** Throws a GitError that names the largest of them when files that are not committed are too much. */
export function checkUncommitted(files: readonly Sized[]): void {
  if (sumOf(files) <= MAX_UNCOMMITTED_BYTES) return;
  throw new GitError(
    `${weigh(files)} are not committed; at most ${inUnits(MAX_UNCOMMITTED_BYTES)} of such files are sent with a job: let git ignore them (.gitignore), or move them out of the work tree`,
  );
}

function sumOf(files: readonly Sized[]): number {
  let sum = 0;
  for (const { sizeBytes } of files) sum += sizeBytes;
  return sum;
}

function weigh(files: Iterable<Sized>): string {
  let sum = 0;
  let count = 0;
  const largest: Sized[] = [];
  for (const file of files) {
    sum += file.sizeBytes;
    count += 1;
    // Each one may be larger than all before.
    if (file.sizeBytes <= (largest[NAMED - 1]?.sizeBytes ?? -1)) continue;
    const smaller = largest.findIndex(({ sizeBytes }) => sizeBytes < file.sizeBytes);
    largest.splice(smaller === -1 ? largest.length : smaller, 0, file);
    if (largest.length > NAMED) largest.pop();
  }
  const named = largest.map(({ path, sizeBytes }) => `${readable(path)} (${inUnits(sizeBytes)})`).join(', ');
  const most = count > NAMED ? `, the largest: ${named}` : `: ${named}`;
  return `${inUnits(sum)} in ${count} file${count === 1 ? '' : 's'}${most}`;
}

/** A size as people read it: two digits after the point, and never rounded down to a limit that it exceeds. */
export function inUnits(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = Math.ceil((bytes / 1024 ** power) * 100) / 100;
  return `${value} ${units[power]}`;
}
