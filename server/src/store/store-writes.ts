import type { OpenDatabase } from './database.ts';
import { type EventBounds, JobEventWriter } from './job-event-writer.ts';
import { JobReader } from './job-reader.ts';
import { JobWriter } from './job-writer.ts';
import { removeFurther } from './projects.ts';

/** Reads and writes within one transaction. */
export interface Transaction {
  readonly jobs: JobReader;
  readonly jobWriter: JobWriter;
  readonly eventWriter: JobEventWriter;
}

/** After this many changed rows the WAL is checkpointed. */
const CHANGES_A_CHECKPOINT = 1000;

/** Every write of jobs and their events. */
export class StoreWrites {
  readonly #opened: OpenDatabase;
  #changesAtCheckpoint = 0;

  constructor(opened: OpenDatabase) {
    this.#opened = opened;
  }

  /**
   * Applies all of `work`'s writes or none. `work` may use only the queries it is given: the store's own would
   * deadlock.
   */
  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const { database, changes } = this.#opened;
    const result = await database
      .transaction()
      .execute((trx) =>
        work({ jobs: new JobReader(trx), jobWriter: new JobWriter(trx), eventWriter: new JobEventWriter(trx) }),
      );
    // In a later turn, so that a caller that waits for the commit doesn't wait for this, too.
    if (changes() - this.#changesAtCheckpoint >= CHANGES_A_CHECKPOINT) setImmediate(() => this.#checkpoint());
    return result;
  }

  /** Removes the oldest events, and returns how many. */
  removeOldestEvents(bounds: EventBounds): Promise<number> {
    return new JobEventWriter(this.#opened.database).removeOldest(bounds);
  }

  /** One step of removing a project: see `removeFurther`. */
  removeProjectFurther(id: string): Promise<boolean> {
    return removeFurther(this.#opened.database, id);
  }

  #checkpoint(): void {
    if (this.#opened.checkpoint()) this.#changesAtCheckpoint = this.#opened.changes();
  }
}
