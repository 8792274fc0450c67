import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import { z } from 'zod';
import type { ChangingFacts, JobEvent } from '../domain/job-event.ts';
import { batches } from './batches.ts';
import type { Database } from './database.ts';
import { toJob } from './job-rows.ts';
import { readJson } from './json.ts';

export interface EventBounds {
  readonly kept: number;
  readonly before: Date;
  readonly limit: number;
}

const instant = z
  .string()
  .transform((text) => new Date(text))
  .nullable();

const changedFromSchema = z.object({
  partition: z.string().nullable().exactOptional(),
  isArchived: z.boolean().exactOptional(),
  slurmJobId: z.string().nullable().exactOptional(),
  exitCode: z.number().nullable().exactOptional(),
  startedAt: instant.exactOptional(),
  endedAt: instant.exactOptional(),
} satisfies Record<keyof ChangingFacts, z.ZodType>);

/** Whether two events differ in nothing but the job and the number. */
function tellsTheSame(left: JobEvent, right: JobEvent): boolean {
  return (
    left.kind === right.kind &&
    left.at.getTime() === right.at.getTime() &&
    left.fromState === right.fromState &&
    left.state === right.state &&
    left.message === right.message &&
    (left.changedFrom === right.changedFrom || isDeepStrictEqual(left.changedFrom, right.changedFrom))
  );
}

/** The durable log of every job's changes. */
export class JobEventQueries {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The sequence number of the newest event; 0 when there is none. */
  async newest(): Promise<number> {
    const row = await this.#database
      .selectFrom('job_events')
      .select((select) => select.fn.max('sequence').as('sequence'))
      .executeTakeFirst();
    return Number(row?.sequence ?? 0);
  }

  /** The sequence number of the oldest event that is kept; 0 when there is none. */
  async oldest(): Promise<number> {
    const row = await this.#database
      .selectFrom('job_events')
      .select((select) => select.fn.min('sequence').as('sequence'))
      .executeTakeFirst();
    return Number(row?.sequence ?? 0);
  }

  /** When the oldest event that is kept was written; null when there is none. */
  async oldestAt(): Promise<Date | null> {
    const row = await this.#database
      .selectFrom('job_events')
      .select('at')
      .orderBy('sequence')
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? null : new Date(row.at);
  }

  /** Their numbers follow one another. */
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

  /** Events that tell of different jobs the same: of many jobs that move on together, a statement takes all. */
  async #appendRun(run: readonly JobEvent[]): Promise<void> {
    const [first] = run;
    if (first === undefined) return;
    const { kind, at, fromState, state, changedFrom, message, sequence } = first;
    const jobIds = JSON.stringify(run.map(({ jobId }) => jobId));
    const before = changedFrom === null ? null : JSON.stringify(changedFrom);
    await sql`
      insert into job_events (sequence, job_id, kind, at, from_state, state, changed_from, message)
      select ${sequence} + key, value, ${kind}, ${at.getTime()}, ${fromState}, ${state}, ${before}, ${message}
      from json_each(${jobIds})`.execute(this.#database);
  }

  /** Up to `limit` events after a sequence number, in order: of one job, or of all. Each carries its job as it is now. */
  async after(sequence: number, limit: number, jobId?: string): Promise<JobEvent[]> {
    let query = this.#database
      .selectFrom('job_events')
      .selectAll()
      .where('sequence', '>', sequence)
      .orderBy('sequence')
      .limit(limit);
    if (jobId !== undefined) query = query.where('job_id', '=', jobId);
    const rows = await query.execute();
    if (rows.length === 0) return [];
    const ids = [...new Set(rows.map((row) => row.job_id))];
    const jobs = await this.#database.selectFrom('jobs').selectAll().where('id', 'in', ids).execute();
    const byId = new Map(jobs.map((job) => [job.id, toJob(job)]));
    return rows.flatMap((row) => {
      // A foreign key ties the event to its job, so each is there.
      const job = byId.get(row.job_id);
      if (job === undefined) return [];
      return [
        {
          sequence: Number(row.sequence),
          kind: row.kind,
          at: new Date(row.at),
          jobId: row.job_id,
          fromState: row.from_state,
          state: row.state,
          changedFrom: row.changed_from === null ? null : readJson(row.changed_from, changedFromSchema),
          message: row.message,
          job,
        },
      ];
    });
  }

  /**
   * Removes the oldest events: those beyond the newest `kept`, and those from before `before`; never the newest of all,
   * whose number the next one follows. At most `limit` at a time; gives how many that were.
   */
  async removeOldest({ kept, before, limit }: EventBounds): Promise<number> {
    const newest = await this.newest();
    const oldest = await this.#database
      .selectFrom('job_events')
      .select(['sequence', 'at'])
      .where('sequence', '<', newest)
      .orderBy('sequence')
      .limit(limit)
      .execute();
    const surplus = oldest.findLast(({ sequence, at }) => sequence <= newest - kept || at < before.getTime());
    if (surplus === undefined) return 0;
    const { numDeletedRows } = await this.#database
      .deleteFrom('job_events')
      .where('sequence', '<=', surplus.sequence)
      .executeTakeFirstOrThrow();
    return Number(numDeletedRows);
  }

  async count(jobId: string): Promise<number> {
    const row = await this.#database
      .selectFrom('job_events')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('job_id', '=', jobId)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }
}
