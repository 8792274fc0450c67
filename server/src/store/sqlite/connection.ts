import SqliteDatabase from 'better-sqlite3';
import { HandleEmptyInListsPlugin, Kysely, replaceWithNoncontingentExpression } from 'kysely';
import type { Database } from '../database.ts';
import type { Reader } from '../reader.ts';
import type { Tables } from '../tables.ts';
import { PreparedSqliteDialect } from './dialect.ts';

/** A connection to the file, and the queries over it. */
export interface Connection {
  readonly sqlite: SqliteDatabase.Database;
  readonly database: Database;
  /**
   * Queries that a reader runs. Each waits for its turn before it takes the connection: otherwise the connection would
   * decide on the order, and a write could wait for a reader's turn.
   */
  readBy(reader: Reader): Database;
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
  const dialect = new PreparedSqliteDialect(sqlite);
  const database = new Kysely<Tables>({
    dialect,
    // `in ()` is an error in PostgreSQL.
    plugins: [new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })],
  });
  const executor = database.getExecutor();
  // The driver would begin transactions, of which these queries have none.
  const parts = { config: { dialect }, dialect, driver: dialect.createDriver() };
  const readBy = (reader: Reader) => {
    const provideConnection: typeof executor.provideConnection = (consumer) =>
      reader.statement(() => executor.provideConnection(consumer));
    return new Kysely<Tables>({ ...parts, executor: executor.withConnectionProvider({ provideConnection }) });
  };
  const close = async () => {
    await database.destroy();
    // Kysely closes only what it has used.
    sqlite.close();
  };
  return { sqlite, database, readBy, close };
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
