import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { DatabaseError } from '../database-error.ts';
import { databaseError } from './faults.ts';

/**
 * Keeps every other process from locking the same file, under any name, until it is disposed of. It is SQLite's lock,
 * and so the system's: it ends with the process, however that ends, and leaves nothing to clean up. The empty file
 * stays. Nothing else in this process may open and close the file: that would release the lock. Throws DatabaseError.
 */
export function holdLock(file: string): Disposable {
  let sqlite: SqliteDatabase.Database | undefined;
  try {
    makePrivateFile(file);
    sqlite = new SqliteDatabase(file, { timeout: 0 });
    sqlite.exec('begin exclusive');
  } catch (cause) {
    sqlite?.close();
    const code = cause instanceof SqliteDatabase.SqliteError ? cause.code : '';
    if (code.startsWith('SQLITE_BUSY')) {
      throw new DatabaseError(
        `${dirname(file)} is in use by another SlurmQL, which holds ${file}. Stop that one, or name another directory with SLURMQL_DATA_DIR`,
        { cause },
      );
    }
    if (code === 'SQLITE_NOTADB') {
      throw new DatabaseError(`${file}: can't be locked, because it isn't empty. Move it away`, { cause });
    }
    throw databaseError(file, "can't be locked", cause);
  }
  const held = sqlite;
  return { [Symbol.dispose]: () => void held.close() };
}

/** Creates an empty file for this account alone if there is none. Throws the system's error. */
export function makePrivateFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
  }
}
