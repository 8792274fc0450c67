import { ClusterQueries } from './clusters.ts';
import { CountMemo } from './count-memo.ts';
import { type Database, type OpenDatabase, openDatabase } from './database.ts';
import { JobEventQueries } from './job-events.ts';
import { JobQueries } from './jobs.ts';
import { ProjectQueries } from './projects.ts';
import { RevokedSessionQueries } from './revoked-sessions.ts';

export type { KnownCluster } from './clusters.ts';
export { DatabaseError } from './database.ts';
export type { EventBounds, JobEventQueries } from './job-events.ts';
export type { JobQueries, NewJob, StateCount } from './jobs.ts';
export { CursorError, type KeysetPage, type PageRequest } from './keyset.ts';
export type { ProjectQueries } from './projects.ts';
export type { RevokedSessionQueries } from './revoked-sessions.ts';

/** The queries of one entity each, on the database or inside one of its transactions. */
export interface Queries {
  readonly jobs: JobQueries;
  readonly events: JobEventQueries;
}

/** The one file of data. */
export class Store implements Queries {
  readonly jobs: JobQueries;
  readonly events: JobEventQueries;
  readonly projects: ProjectQueries;
  readonly clusters: ClusterQueries;
  readonly revokedSessions: RevokedSessionQueries;
  readonly #database: Database;
  readonly #changes: () => number;

  private constructor({ database, changes }: OpenDatabase) {
    this.#database = database;
    this.#changes = changes;
    this.jobs = new JobQueries(database, new CountMemo(changes));
    this.events = new JobEventQueries(database);
    this.projects = new ProjectQueries(database);
    this.clusters = new ClusterQueries(database);
    this.revokedSessions = new RevokedSessionQueries(database);
  }

  /** Opens or makes the file and migrates it. Throws DatabaseError. */
  static async open(file: string): Promise<Store> {
    return new Store(await openDatabase(file));
  }

  /** All of `work`'s writes or none. Inside, only the queries it is given: the store's own would wait for it forever. */
  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#database
      .transaction()
      .execute((trx) => work({ jobs: new JobQueries(trx), events: new JobEventQueries(trx) }));
  }

  /** Grows with every change of what it holds. */
  get version(): number {
    return this.#changes();
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
