import { ClusterQueries } from './clusters.ts';
import { CountMemo } from './count-memo.ts';
import type { OpenDatabase } from './database.ts';
import { JobEventReader } from './job-event-reader.ts';
import { JobReader } from './job-reader.ts';
import { ProjectQueries } from './projects.ts';
import { SessionQueries } from './sessions.ts';
import { openDatabase } from './sqlite/index.ts';
import { StoreWrites } from './store-writes.ts';

let privateWrites: (store: Store) => StoreWrites;

/**
 * The database. Jobs and their events are only read here, as they were committed last: a read doesn't wait for a write
 * that takes long.
 */
export class Store {
  readonly jobs: JobReader;
  readonly events: JobEventReader;
  readonly projects: ProjectQueries;
  readonly clusters: ClusterQueries;
  readonly sessions: SessionQueries;
  readonly #opened: OpenDatabase;
  readonly #writes: StoreWrites;

  private constructor(opened: OpenDatabase) {
    const { database, reads } = opened;
    this.#opened = opened;
    this.#writes = new StoreWrites(opened);
    this.jobs = new JobReader(reads, new CountMemo(() => opened.version()));
    this.events = new JobEventReader(reads);
    this.projects = new ProjectQueries(database, reads);
    this.clusters = new ClusterQueries(database);
    this.sessions = new SessionQueries(database);
  }

  static {
    privateWrites = (store) => store.#writes;
  }

  /** Opens or creates the file and migrates it. Throws DatabaseError. */
  static async open(file: string): Promise<Store> {
    return new Store(await openDatabase(file));
  }

  /** Another number after each commit that changes something. */
  get version(): number {
    return this.#opened.version();
  }

  /** Whether it can be read. */
  async isOpen(): Promise<boolean> {
    try {
      await this.events.newest();
      return true;
    } catch {
      // Closed, or the file can no longer be read.
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#opened.close();
  }
}

/** The writes of jobs, which a store offers nobody else. */
export function writesOf(store: Store): StoreWrites {
  return privateWrites(store);
}
