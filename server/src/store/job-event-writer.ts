import { isDeepStrictEqual } from 'node:util';
import type { JobEvent } from '../domain/job-event.ts';
import { batches } from './batches.ts';
import type { Database } from './database.ts';
import { JobEventReader } from './job-event-reader.ts';
import { insertEventRun } from './sqlite/index.ts';

export interface EventBounds {
  /** Whatever their age; null: none. */
  readonly upTo: number | null;
  readonly before: Date;
  readonly limit: number;
}

/** Appends to the log of job changes, and removes its oldest part. */
export class JobEventWriter {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Their numbers are consecutive. */
  async append(events: readonly JobEvent[]): Promise<void> {
    for await (const batch of batches(events)) {
      let run: JobEvent[] = [];
      for (const event of batch) {
        if (run[0] !== undefined && !tellsTheSame(run[0], event)) {
          await this.#appendRun(run);
          run = [];
        }
        run.push(event);
      }
      await this.#appendRun(run);
    }
  }

  /** Runs of events that are equal but for their job: one statement writes those of many jobs that change together. */
  async #appendRun(run: readonly JobEvent[]): Promise<void> {
    const [first] = run;
    if (first === undefined) return;
    const row = {
      sequence: first.sequence,
      kind: first.kind,
      at: first.at.getTime(),
      from_state: first.fromState,
      state: first.state,
      changed_from: first.changedFrom === null ? null : JSON.stringify(first.changedFrom),
      message: first.message,
      request: first.request,
      actor_id: first.actorId,
    };
    await insertEventRun(
      this.#database,
      row,
      run.map(({ jobId }) => jobId),
    );
  }

  async remove(sequences: readonly number[]): Promise<void> {
    for await (const batch of batches(sequences)) {
      await this.#database.deleteFrom('job_events').where('sequence', 'in', batch).execute();
    }
  }

  /**
   * Removes the oldest events: those with numbers up to `upTo`, and those from before `before`; never the newest of all,
   * from which numbering continues. Removes at most `limit`, and returns how many.
   */
  async removeOldest({ upTo, before, limit }: EventBounds): Promise<number> {
    const newest = await new JobEventReader(this.#database).newest();
    const oldest = await this.#database
      .selectFrom('job_events')
      .select(['sequence', 'at'])
      .where('sequence', '<', newest)
      .orderBy('sequence')
      .limit(limit)
      .execute();
    const surplus = oldest.findLast(({ sequence, at }) => sequence <= (upTo ?? 0) || at < before.getTime());
    if (surplus === undefined) return 0;
    const { numDeletedRows } = await this.#database
      .deleteFrom('job_events')
      .where('sequence', '<=', surplus.sequence)
      .executeTakeFirstOrThrow();
    return Number(numDeletedRows);
  }
}

/** Whether two events differ only in job and number. */
function tellsTheSame(left: JobEvent, right: JobEvent): boolean {
  return (
    left.kind === right.kind &&
    left.at.getTime() === right.at.getTime() &&
    left.fromState === right.fromState &&
    left.state === right.state &&
    left.message === right.message &&
    left.request === right.request &&
    left.actorId === right.actorId &&
    (left.changedFrom === right.changedFrom || isDeepStrictEqual(left.changedFrom, right.changedFrom))
  );
}
