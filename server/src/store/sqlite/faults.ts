import { DatabaseError } from '../database-error.ts';

const RESTORE =
  'It is damaged, or not a SQLite database: move it away together with its -wal and -shm files, and restore a backup';
const RESTORE_TABLES = 'Its tables are not as SlurmQL made them: restore a backup';
const FREE_SPACE = 'Free space on its disk';
const CHECK_DISK = 'Its disk is full or has a fault: free space on it, and check it';
const ALLOW = "Check that it is a file, that its directory exists, and that the server's account may write to both";
const END_OTHER = 'Another program is using it: end that one';

/**
 * What the person who runs the server can do, by result code of SQLite (https://sqlite.org/rescode.html), without the
 * detail of an extended one, or by error code of the system. Other codes mean a fault of SlurmQL.
 */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['SQLITE_CORRUPT', RESTORE],
  ['SQLITE_NOTADB', RESTORE],
  ['SQLITE_FULL', FREE_SPACE],
  ['ENOSPC', FREE_SPACE],
  ['EDQUOT', FREE_SPACE],
  ['SQLITE_IOERR', CHECK_DISK],
  ['EIO', CHECK_DISK],
  ['SQLITE_READONLY', ALLOW],
  ['SQLITE_CANTOPEN', ALLOW],
  ['SQLITE_PERM', ALLOW],
  ['EACCES', ALLOW],
  ['EPERM', ALLOW],
  ['EROFS', ALLOW],
  ['ENOENT', ALLOW],
  ['ENOTDIR', ALLOW],
  ['SQLITE_BUSY', END_OTHER],
  ['SQLITE_LOCKED', END_OTHER],
  ['SQLITE_PROTOCOL', END_OTHER],
  ['SQLITE_NOLFS', 'Its disk takes no large files: move the database to another'],
  ['SQLITE_NOMEM', 'Give the server more memory'],
]);

/** Messages of SQLITE_ERROR, the code of every statement that doesn't fit the tables. */
const OTHER_TABLES = /^(?:no such (?:table|column|index)|table \S+ has no column)/;

/** What to do about an error of SQLite or of the system; null: nothing is known. */
export function adviceOn(cause: unknown): string | null {
  if (!(cause instanceof Error && 'code' in cause && typeof cause.code === 'string')) return null;
  const [code = ''] = /^SQLITE_[A-Z]+|^E[A-Z]+$/.exec(cause.code) ?? [];
  if (code === 'SQLITE_ERROR') return OTHER_TABLES.test(cause.message) ? RESTORE_TABLES : null;
  return ADVICE.get(code) ?? null;
}

/** An error about a file, with what to do. `failed`: "can't be opened"; `advice`: where nothing better is known. */
export function databaseError(
  file: string,
  failed: string,
  cause: unknown,
  advice: string | null = null,
): DatabaseError {
  if (cause instanceof DatabaseError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const what = adviceOn(cause) ?? advice;
  return new DatabaseError(`${file}: ${failed} (${text})${what === null ? '' : `. ${what}`}`, { cause });
}
