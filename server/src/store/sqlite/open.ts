import SqliteDatabase from 'better-sqlite3';
import { HandleEmptyInListsPlugin, Kysely, replaceWithNoncontingentExpression } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Database, OpenDatabase } from '../database.ts';
import { DatabaseError } from '../database-error.ts';
import type { Tables } from '../tables.ts';
import { PreparedSqliteDialect } from './dialect.ts';
import { databaseError } from './faults.ts';
import { makePrivateFile } from './lock.ts';
import * as initial from './migrations/0001-initial.ts';
import * as longLists from './migrations/0002-long-lists.ts';
import * as components from './migrations/0003-components.ts';
import * as eventsAndSessions from './migrations/0004-events-and-sessions.ts';
import * as requestDigests from './migrations/0005-request-digests.ts';
import * as moreRequests from './migrations/0006-more-requests.ts';
import * as submitMessages from './migrations/0007-submit-messages.ts';
import * as jobsByExitCode from './migrations/0008-jobs-by-exit-code.ts';
import * as allocations from './migrations/0009-allocations.ts';
import * as numbersInRange from './migrations/0010-numbers-in-range.ts';
import * as sessionSecret from './migrations/0011-session-secret.ts';
import * as eventActors from './migrations/0012-event-actors.ts';
import * as eventRequests from './migrations/0013-event-requests.ts';
import * as clusterLogins from './migrations/0014-cluster-logins.ts';

/** Every migration that ever landed, by the name it is recorded under. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-long-lists': longLists,
  '0003-components': components,
  '0004-events-and-sessions': eventsAndSessions,
  '0005-request-digests': requestDigests,
  '0006-more-requests': moreRequests,
  '0007-submit-messages': submitMessages,
  '0008-jobs-by-exit-code': jobsByExitCode,
  '0009-allocations': allocations,
  '0010-numbers-in-range': numbersInRange,
  '0011-session-secret': sessionSecret,
  '0012-event-actors': eventActors,
  '0013-event-requests': eventRequests,
  '0014-cluster-logins': clusterLogins,
};

const MIGRATION_ADVICE = 'Its tables were left as they are: start the version that wrote it, or restore a backup';

/** Opens or creates the file, and migrates its tables. Throws DatabaseError. */
export async function openDatabase(file: string): Promise<OpenDatabase> {
  let sqlite: SqliteDatabase.Database | undefined;
  try {
    // SQLite gives its -wal and -shm files the same mode.
    if (file !== ':memory:') makePrivateFile(file);
    sqlite = new SqliteDatabase(file);
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
    sqlite?.close();
    throw databaseError(file, "can't be opened", cause);
  }
  const database = new Kysely<Tables>({
    dialect: new PreparedSqliteDialect(sqlite),
    // `in ()` is an error in PostgreSQL.
    plugins: [new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })],
  });
  try {
    await migrate(database, file);
  } catch (cause) {
    await database.destroy();
    throw databaseError(file, "can't be brought up to date", cause, MIGRATION_ADVICE);
  }
  const totalChanges = sqlite.prepare('select total_changes()').pluck();
  return {
    database,
    changes: () => Number(totalChanges.get()),
    checkpoint: () => {
      if (!sqlite.open || sqlite.inTransaction) return false;
      try {
        sqlite.pragma('wal_checkpoint(PASSIVE)');
        return true;
      } catch {
        // Nothing is lost: a disk that fails here fails the next commit, too, which reports it.
        return false;
      }
    },
  };
}

/**
 * In one transaction with its records: after any crash, the next start finds all of it or nothing. Throws what SQLite
 * and Kysely throw, and DatabaseError.
 */
async function migrate(database: Database, file: string): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => MIGRATIONS } });
  const tables = await database.introspection.getTables({ withInternalKyselyTables: true });
  if (tables.some((table) => table.name === 'kysely_migration')) {
    const applied = await database
      .withTables<{ kysely_migration: { name: string } }>()
      .selectFrom('kysely_migration')
      .select('name')
      .execute();
    const unknown = applied.find((migration) => MIGRATIONS[migration.name] === undefined);
    if (unknown !== undefined) {
      throw new DatabaseError(
        `${file}: was written by a newer version (it has "${unknown.name}"). Start that version, or restore a backup`,
      );
    }
  }
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
