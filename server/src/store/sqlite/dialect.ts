import type { Database as Sqlite, Statement } from 'better-sqlite3';
import {
  CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
} from 'kysely';
import type { Database } from '../database.ts';
import { adviceOn, databaseError } from './faults.ts';

/** Preparing a statement costs as much as running it for dozens of rows. */
const KEPT_STATEMENTS = 200;

/**
 * Kysely's dialect over a connection that keeps its statements prepared, and that runs one for many rows at once. What
 * the person who runs the server can mend is thrown as a DatabaseError, everything else as SQLite's own error.
 */
export class PreparedSqliteDialect extends SqliteDialect {
  readonly #sqlite: Sqlite;

  constructor(sqlite: Sqlite) {
    super({ database: sqlite });
    this.#sqlite = sqlite;
  }

  override createDriver(): SqliteDriver {
    return new PreparedDriver(this.#sqlite);
  }

  override createAdapter(): SqliteAdapter {
    return new PreparedAdapter();
  }
}

/** SQLite rolls back DDL with its transaction, so all migrations and their records are one. */
class PreparedAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class PreparedDriver extends SqliteDriver {
  readonly #sqlite: Sqlite;
  readonly #connection: DatabaseConnection;

  constructor(sqlite: Sqlite) {
    super({ database: sqlite });
    this.#sqlite = sqlite;
    this.#connection = new PreparedConnection(sqlite);
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  /** After most faults of a disk, SQLite has already rolled back; an error about that would hide the fault. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#sqlite.inTransaction) await super.rollbackTransaction(connection);
  }
}

/** A statement that is run once for each of `rows` and returns nothing. */
interface ManyRuns extends CompiledQuery {
  readonly rows: readonly (readonly unknown[])[];
}

class PreparedConnection implements DatabaseConnection {
  readonly #sqlite: Sqlite;
  /** The last used is at the end. */
  readonly #statements = new Map<string, Statement>();

  constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
  }

  async executeQuery<R>(query: CompiledQuery | ManyRuns): Promise<QueryResult<R>> {
    try {
      return this.#run(query);
    } catch (cause) {
      throw adviceOn(cause) === null ? cause : databaseError(this.#sqlite.name, "can't be used", cause);
    }
  }

  #run<R>(query: CompiledQuery | ManyRuns): QueryResult<R> {
    const statement = this.#prepared(query.sql);
    if ('rows' in query) {
      for (const row of query.rows) statement.run(row);
      return { rows: [] };
    }
    if (statement.reader) return { rows: statement.all(query.parameters) as R[] };
    const { changes, lastInsertRowid } = statement.run(query.parameters);
    return { numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid), rows: [] };
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error('An open cursor would keep everybody else from writing: read by pages');
  }

  #prepared(text: string): Statement {
    const statement = this.#statements.get(text) ?? this.#sqlite.prepare<unknown[]>(text);
    this.#statements.delete(text);
    this.#statements.set(text, statement);
    if (this.#statements.size > KEPT_STATEMENTS) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    return statement;
  }
}

/** Runs one statement once for each row, as fast as possible. Blocks the event loop meanwhile. */
export async function runForEach(
  database: Database,
  text: string,
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const query: ManyRuns = { ...CompiledQuery.raw(text), rows };
  await database.executeQuery(query);
}
