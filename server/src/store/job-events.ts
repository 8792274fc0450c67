import type { JobEvent } from '../domain/job-event.ts';
import { batches } from './batches.ts';
import type { Database } from './database.ts';
import { toJob } from './job-rows.ts';
import { insertRows } from './write-rows.ts';

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

  async append(events: readonly JobEvent[]): Promise<void> {
    for await (const batch of batches(events)) {
      const rows = batch.map((event) => ({
        sequence: event.sequence,
        job_id: event.jobId,
        kind: event.kind,
        at: event.at.getTime(),
        from_state: event.fromState,
        state: event.state,
        message: event.message,
      }));
      await insertRows(this.#database, 'job_events', rows);
    }
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
          message: row.message,
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
