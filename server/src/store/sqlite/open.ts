import type { Database as Sqlite } from 'better-sqlite3';
import { type Migration, Migrator } from 'kysely/migration';
import type { Database, OpenDatabase } from '../database.ts';
import { DatabaseError } from '../database-error.ts';
import { type Connection, connect, connectReader } from './connection.ts';
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
import * as jobTags from './migrations/0015-job-tags.ts';
import * as clusterFacts from './migrations/0016-cluster-facts.ts';
import * as earlyTimes from './migrations/0017-early-times.ts';
import * as projectStates from './migrations/0018-project-states.ts';
import * as wordsOfArrays from './migrations/0019-words-of-arrays.ts';

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
  '0015-job-tags': jobTags,
  '0016-cluster-facts': clusterFacts,
  '0017-early-times': earlyTimes,
  '0018-project-states': projectStates,
  '0019-words-of-arrays': wordsOfArrays,
};

const MIGRATION_ADVICE = 'Its tables were left as they are: start the version that wrote it, or restore a backup';

/** Opens or creates the file, and migrates its tables. Throws DatabaseError. */
export async function openDatabase(file: string): Promise<OpenDatabase> {
  const writer = connectOrExplain(file);
  let second: Connection | null;
  try {
    await migrate(writer.database, file);
    second = connectReader(writer);
  } catch (cause) {
    await writer.close();
    throw databaseError(file, "can't be brought up to date", cause, MIGRATION_ADVICE);
  }
  const { sqlite } = writer;
  const changes = numberOf(sqlite, 'select total_changes()');
  return {
    database: writer.database,
    readBy: (second ?? writer).readBy,
    changes,
    version: second === null ? changes : numberOf(second.sqlite, 'pragma data_version'),
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
    close: async () => {
      // The last connection writes the WAL back, which a reader can't.
      await second?.close();
      await writer.close();
    },
  };
}

function connectOrExplain(file: string): Connection {
  try {
    // SQLite gives its -wal and -shm files the same mode.
    if (file !== ':memory:') makePrivateFile(file);
    return connect(file);
  } catch (cause) {
    throw databaseError(file, "can't be opened", cause);
  }
}

function numberOf(sqlite: Sqlite, question: string): () => number {
  const statement = sqlite.prepare(question).pluck();
  return () => Number(statement.get());
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
