import { z } from 'zod';
import type { Job } from '../domain/job.ts';
import type { ChangingFacts, JobEvent } from '../domain/job-event.ts';
import type { Database } from './database.ts';
import { readJson } from './json.ts';
import { wholeJobs } from './whole-jobs.ts';

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

/** The durable log of every job's changes. */
export class JobEventReader {
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

  /** The sequence number of the oldest event that is kept; 0 when there is none. */
  async oldest(): Promise<number> {
    const row = await this.#database
      .selectFrom('job_events')
      .select((select) => select.fn.min('sequence').as('sequence'))
      .executeTakeFirst();
    return Number(row?.sequence ?? 0);
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
    const byId = new Map<string, Job>();
    for await (const jobs of wholeJobs(this.#database, 'id', ids)) for (const job of jobs) byId.set(job.id, job);
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
          request: row.request,
          actorId: row.actor_id,
          job,
        },
      ];
    });
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
