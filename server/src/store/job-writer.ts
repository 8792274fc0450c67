import { sql } from 'kysely';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import type { ClusterFacts, Submission } from '../domain/submission.ts';
import { batches } from './batches.ts';
import type { Database } from './database.ts';
import { changedColumns, fromAttempt, fromJob, type JobRow } from './job-rows.ts';
import { fromSubmission } from './job-submissions.ts';
import { type RowChange, updateJobs } from './job-updates.ts';
import { indexWords, insertRows, updateEachJob } from './sqlite/index.ts';

export interface NewJob {
  readonly job: Job;
  readonly idempotencyKey: string | null;
  /** Compared with a request that has the same key. */
  readonly requestDigest?: string | null;
  /** Null for array tasks, which are submitted with their array. */
  readonly submission: Submission | null;
}

const ATTEMPTS_A_BATCH = 100;

/** Whether a search finds it by other words than before. */
function isFoundByOthers(before: Job, after: Job): boolean {
  if (before.slurmJobId !== after.slurmJobId) return true;
  // A task is found by those of its array.
  return after.arrayParentId === null && (before.name !== after.name || before.tags !== after.tags);
}

/** Writes jobs, without events. */
export class JobWriter {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async insert(created: readonly NewJob[]): Promise<Job[]> {
    let newest = await this.#newestNumber();
    const recorded: Job[] = [];
    for await (const batch of batches(created)) {
      const rows: JobRow[] = batch.map(({ job, idempotencyKey }) => {
        if (job.arrayParentId === null) newest += 1;
        const number = job.arrayParentId === null ? newest : null;
        recorded.push({ ...job, number });
        return { ...fromJob(job), idempotency_key: idempotencyKey, number };
      });
      await insertRows(this.#database, 'jobs', rows);
      await this.#index(rows);
    }
    for (const { job, submission, requestDigest } of created) {
      if (submission === null) continue;
      await this.#database
        .insertInto('job_submissions')
        .values({
          ...fromSubmission(job.id, submission),
          script: null,
          cluster_facts: null,
          request_digest: requestDigest ?? null,
        })
        .execute();
    }
    return recorded;
  }

  async #newestNumber(): Promise<number> {
    const row = await this.#database
      .selectFrom('jobs')
      .select((select) => select.fn.max('number').as('number'))
      .where('number', 'is not', null)
      .executeTakeFirst();
    return Number(row?.number ?? 0);
  }

  /** Indexes numbered jobs for the search, or updates their entries. */
  async #index(rows: readonly Pick<JobRow, 'number' | 'search_text' | 'submitted_at'>[]): Promise<void> {
    const known = rows.flatMap(({ number, ...row }) => (number === null ? [] : [{ ...row, number }]));
    await indexWords(this.#database, known);
  }

  async setScript(jobId: string, script: string, cluster: ClusterFacts | null): Promise<void> {
    const facts = cluster === null ? null : JSON.stringify(cluster);
    await this.#database
      .updateTable('job_submissions')
      .set({ script, cluster_facts: facts })
      .where('job_id', '=', jobId)
      .execute();
  }

  /** Appends a message about how a job was submitted, in lines of its own. */
  async addSubmitMessage(jobId: string, message: string): Promise<void> {
    await this.#database
      .updateTable('job_submissions')
      .set({ message: sql`coalesce(message || ${'\n'}, '') || ${message}` })
      .where('job_id', '=', jobId)
      .execute();
  }

  /** Writes the changes of stored jobs. */
  async update(changes: readonly { readonly before: Job; readonly after: Job }[]): Promise<void> {
    const news: RowChange[] = [];
    for await (const batch of batches(changes)) {
      for (const { before, after } of batch) news.push({ id: after.id, news: changedColumns(before, after) });
    }
    await updateJobs(this.#database, news);
    for await (const batch of batches(changes.filter(({ before, after }) => isFoundByOthers(before, after)))) {
      await this.#indexTexts(batch);
    }
  }

  async #indexTexts(changes: readonly { readonly after: Job }[]): Promise<void> {
    if (changes.length === 0) return;
    const texts = changes.map(({ after }) => ({ id: after.id, values: { search_text: fromJob(after).search_text } }));
    await updateEachJob(this.#database, ['search_text'], texts);
    const ids = changes.map(({ after }) => after.id);
    const columns = ['number', 'search_text', 'submitted_at'] as const;
    await this.#index(await this.#database.selectFrom('jobs').select(columns).where('id', 'in', ids).execute());
  }

  /** Adds attempts that are over, or completes stored ones whose outcome wasn't known yet. */
  async saveAttempts(jobId: string, attempts: readonly JobAttempt[]): Promise<void> {
    for await (const batch of batches(attempts, ATTEMPTS_A_BATCH)) {
      await this.#database
        .insertInto('job_attempts')
        .values(batch.map((attempt) => fromAttempt(jobId, attempt)))
        .onConflict((conflict) =>
          conflict
            .columns(['job_id', 'number'])
            .doUpdateSet((update) => ({
              outcome: update.ref('excluded.outcome'),
              exit_code: update.ref('excluded.exit_code'),
              signal: update.ref('excluded.signal'),
              ended_at: update.ref('excluded.ended_at'),
              // The accounting may lack the start of an attempt that was requeued right after it.
              started_at: update.fn.coalesce('excluded.started_at', 'job_attempts.started_at'),
              node_list: update.fn.coalesce('excluded.node_list', 'job_attempts.node_list'),
            }))
            // It calls every attempt REQUEUED that was followed by another, however it ended.
            .where('job_attempts.outcome', 'is', null),
        )
        .execute();
    }
  }
}
