import SqliteDatabase from 'better-sqlite3';
import { HandleEmptyInListsPlugin, Kysely, replaceWithNoncontingentExpression } from 'kysely';
import type { Database } from '../database.ts';
import type { Tables } from '../tables.ts';
import { PreparedSqliteDialect } from './dialect.ts';

/** A connection to the file, and the queries over it. */
export interface Connection {
  readonly sqlite: SqliteDatabase.Database;
  readonly database: Database;
  close(): Promise<void>;
}

/** Throws SQLite's errors. */
export function connect(file: string): Connection {
  const sqlite = new SqliteDatabase(file);
  try {
    sqlite.pragma('journal_mode = WAL');
    // In WAL mode, FULL syncs at each commit: an acknowledged write survives a power cut.
    sqlite.pragma('synchronous = FULL');
    // The store runs checkpoints in turns of their own before the WAL reaches this many pages.
    sqlite.pragma('wal_autocheckpoint = 16384');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma('busy_timeout = 5000');
    // The file is mapped, up to SQLite's maximum (SQLITE_MAX_MMAP_SIZE). That counts as resident memory, although the
    // system takes it back when needed.
    sqlite.pragma(`mmap_size = ${2 ** 31}`);
    sqlite.pragma('cache_size = -32768');
    // SQLite's own function knows only ASCII letters.
    sqlite.function('lower', { deterministic: true }, (text) => (typeof text === 'string' ? text.toLowerCase() : text));
  } catch (cause) {
    sqlite.close();
    throw cause;
  }
  const database = new Kysely<Tables>({
    dialect: new PreparedSqliteDialect(sqlite),
    // `in ()` is an error in PostgreSQL.
    plugins: [new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })],
  });
  const close = async () => {
    await database.destroy();
    // Kysely closes only what it has used.
    sqlite.close();
  };
  return { sqlite, database, close };
}

/**
 * A second connection, for queries that only read; null: the file is no file, or its system has no shared memory for
 * the WAL. Without a WAL, a reader would lock the writer out, or be locked out. Throws SQLite's errors.
 */
export function connectReader({ sqlite: { name, memory }, sqlite }: Connection): Connection | null {
  if (memory || sqlite.pragma('journal_mode', { simple: true }) !== 'wal') return null;
  const reader = connect(name);
  reader.sqlite.pragma('query_only = ON');
  return reader;
}
