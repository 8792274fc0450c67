import { linesOf } from '../../domain/text.ts';
import { RemoteFileError } from '../errors.ts';
import type { FileStatus } from './file-transport.ts';

/** What the cluster reports of a path; undefined: it doesn't report it. */
export interface Attributes {
  /** With the bits of the kind (S_IFMT, man 7 inode). */
  readonly mode: number | undefined;
  readonly size: number | undefined;
  /** In seconds. */
  readonly mtime: number | undefined;
}

const KIND_BITS = 0o170000;
const FILE = 0o100000;
const DIRECTORY = 0o040000;
const KINDS: ReadonlyMap<number, string> = new Map([
  [0o010000, 'a named pipe'],
  [0o020000, 'a device'],
  [DIRECTORY, 'a directory'],
  [0o060000, 'a device'],
  [0o120000, 'a symbolic link'],
  [0o140000, 'a socket'],
]);
/** Of the year 9999. */
const LAST_SECOND = 253_402_300_799;

/**
 * The status of a regular file. Opening anything else may block for ever (a named pipe), have effects (a device) or
 * lead elsewhere (a link): jobs can put such things in the place of their logs and records.
 *
 * @throws RemoteFileError
 */
export function fileStatus(path: string, { mode, size, mtime = 0 }: Attributes): FileStatus {
  if (mode === undefined || size === undefined) {
    throw new RemoteFileError('failure', path, `${path}: the cluster does not report what it is`);
  }
  if ((mode & KIND_BITS) !== FILE) throw notAFile(path, mode);
  if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(mtime) || Math.abs(mtime) > LAST_SECOND) {
    throw new RemoteFileError('failure', path, `${path}: the cluster reports a size or a time that no file can have`);
  }
  return { sizeBytes: size, modifiedAt: new Date(mtime * 1000) };
}

export function isDirectory({ mode }: Attributes): boolean {
  return mode !== undefined && (mode & KIND_BITS) === DIRECTORY;
}

export function notAFile(path: string, mode: number): RemoteFileError {
  const kind = KINDS.get(mode & KIND_BITS) ?? 'of an unknown kind';
  return new RemoteFileError('not-a-file', path, `${path} is ${kind} and not a file, so it is not opened`);
}

const WORDS = 'What lies there has the mode ';

/** Shell functions: `only_file` ends its script if the path exists and is no regular file. */
export const KINDS_OF_FILES = `refuse() {
  echo "${WORDS}$(stat -c %f -- "$1")" >&2
  exit 1
}
only_file() {
  if [ -h "$1" ] || { [ -e "$1" ] && [ ! -f "$1" ]; }; then refuse "$1"; fi
}`;

/** What these functions printed on standard error; null: nothing. */
export function refusedKind(path: string, stderr: string): RemoteFileError | null {
  const line = linesOf(stderr).find((one) => one.startsWith(WORDS));
  const mode = line?.slice(WORDS.length) ?? '';
  return /^[0-9a-f]{1,8}$/.test(mode) ? notAFile(path, Number.parseInt(mode, 16)) : null;
}
