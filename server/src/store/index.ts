import { ClusterQueries } from './clusters.ts';
import { CountMemo } from './count-memo.ts';
import type { Database, OpenDatabase } from './database.ts';
import { JobEventQueries } from './job-events.ts';
import { JobQueries } from './jobs.ts';
import { ProjectQueries } from './projects.ts';
import { SessionQueries } from './sessions.ts';
import { openDatabase } from './sqlite/index.ts';

export { batches } from './batches.ts';
export type { KnownCluster } from './clusters.ts';
export { DatabaseError } from './database-error.ts';
export type { EventBounds, JobEventQueries } from './job-events.ts';
export type { JobQueries, NewJob, StateCount } from './jobs.ts';
export { CursorError, type KeysetPage, type PageRequest } from './keyset.ts';
export type { ProjectQueries } from './projects.ts';
export type { SessionQueries } from './sessions.ts';
export { holdLock } from './sqlite/index.ts';

/** The queries of one entity each, on the database or inside one of its transactions. */
export interface Queries {
  readonly jobs: JobQueries;
  readonly events: JobEventQueries;
}

/** After so many changed rows the log of the database is moved to its file. */
const CHANGES_A_CHECKPOINT = 1000;

/** The one file of data. */
export class Store implements Queries {
  readonly jobs: JobQueries;
  readonly events: JobEventQueries;
  readonly projects: ProjectQueries;
  readonly clusters: ClusterQueries;
  readonly sessions: SessionQueries;
  readonly #database: Database;
  readonly #opened: OpenDatabase;
  #changesAtCheckpoint = 0;

  private constructor(opened: OpenDatabase) {
    const { database, changes } = opened;
    this.#database = database;
    this.#opened = opened;
    this.jobs = new JobQueries(database, new CountMemo(changes));
    this.events = new JobEventQueries(database);
    this.projects = new ProjectQueries(database);
    this.clusters = new ClusterQueries(database);
    this.sessions = new SessionQueries(database);
  }

  /** Opens or makes the file and migrates it. Throws DatabaseError. */
  static async open(file: string): Promise<Store> {
    return new Store(await openDatabase(file));
  }

  /** All of `work`'s writes or none. Inside, only the queries it is given: the store's own would wait for it forever. */
  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const result = await this.#database
      .transaction()
      .execute((trx) => work({ jobs: new JobQueries(trx), events: new JobEventQueries(trx) }));
    // In a later turn: whoever waits for the commit doesn't wait for this too.
    if (this.version - this.#changesAtCheckpoint >= CHANGES_A_CHECKPOINT) setImmediate(() => this.#checkpoint());
    return result;
  }

  #checkpoint(): void {
    if (this.#opened.checkpoint()) this.#changesAtCheckpoint = this.version;
  }

  /** Grows with every change of what it holds. */
  get version(): number {
    return this.#opened.changes();
  }

  /** Whether it can be asked. */
  async isOpen(): Promise<boolean> {
    try {
      await this.events.newest();
      return true;
    } catch {
      // Closed, or the file can't be read any more: that is the answer.
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#database.destroy();
  }
}
