import { ClusterQueries } from './clusters.ts';
import { CountMemo } from './count-memo.ts';
import type { OpenDatabase } from './database.ts';
import { JobEventReader } from './job-event-reader.ts';
import { JobReader } from './job-reader.ts';
import { ProjectQueries, type ProjectReads, type ProjectWrites } from './projects.ts';
import { type Reader, readerOf, SERVER } from './reader.ts';
import { SessionQueries } from './sessions.ts';
import { openDatabase } from './sqlite/index.ts';
import { StoreWrites } from './store-writes.ts';

/** Jobs, their events and projects, as they were committed last. */
export interface StoreReads {
  readonly jobs: JobReader;
  readonly events: JobEventReader;
  readonly projects: ProjectReads;
}

/** The store for all that is done for clients: read in the turns of whoever asks, never in the server's own. */
export interface ClientStore {
  /** Another number after each commit that changes something. */
  readonly version: number;
  readonly projects: ProjectWrites;
  /** What is read in the turns of somebody, and ends with them. */
  readBy(reader: Reader): StoreReads;
  /** What is read in the turns of an account. `account`: asked at each statement, because it may change. */
  readFor(account: () => string): StoreReads;
}

let privateWrites: (store: Store) => StoreWrites;

/**
 * The database. Jobs and their events are only read here, as they were committed last: a read doesn't wait for a write
 * that takes long. `jobs`, `events` and `projects` are read for the server itself.
 */
export class Store implements ClientStore {
  readonly jobs: JobReader;
  readonly events: JobEventReader;
  readonly projects: ProjectQueries;
  readonly clusters: ClusterQueries;
  readonly sessions: SessionQueries;
  readonly #opened: OpenDatabase;
  readonly #writes: StoreWrites;
  readonly #counts: CountMemo;

  private constructor(opened: OpenDatabase) {
    const { database } = opened;
    this.#opened = opened;
    this.#writes = new StoreWrites(opened);
    this.#counts = new CountMemo(() => opened.version());
    const { jobs, events } = this.readBy(SERVER);
    this.jobs = jobs;
    this.events = events;
    this.projects = new ProjectQueries(database, opened.readBy(SERVER));
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

  get version(): number {
    return this.#opened.version();
  }

  readBy(reader: Reader): StoreReads {
    const database = this.#opened.readBy(reader);
    return {
      jobs: new JobReader(database, (question, anew) => this.#counts.count(question, anew, reader)),
      events: new JobEventReader(database),
      projects: new ProjectQueries(database),
    };
  }

  readFor(account: () => string): StoreReads {
    return this.readBy(readerOf(account));
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
