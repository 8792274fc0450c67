import { type Expression, sql } from 'kysely';
import { z } from 'zod';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import type { JobFilter, JobOrder } from '../domain/job-filter.ts';
import type { JobState } from '../domain/job-state.ts';
import { DEPENDENCY_KINDS, type Submission } from '../domain/submission.ts';
import { batches } from './batches.ts';
import type { Database } from './database.ts';
import { toInstant } from './instants.ts';
import { jobsMatching } from './job-filter.ts';
import { CHANGING_COLUMNS, fromAttempt, fromJob, type JobRow, toAttempt, toJob } from './job-rows.ts';
import { type KeysetOrder, type KeysetPage, keysetPage, type PageRequest } from './keyset.ts';
import { updateRows } from './update-rows.ts';

export interface StateCount {
  readonly state: JobState;
  readonly count: number;
}

export interface NewJob {
  readonly job: Job;
  readonly idempotencyKey: string | null;
  /** Null for array tasks, which are submitted with their array. */
  readonly submission: Submission | null;
}

export interface ArraySummary {
  readonly counts: readonly StateCount[];
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** The highest of the tasks' exit codes. */
  readonly exitCode: number | null;
  readonly estimatedStartAt: Date | null;
  readonly partition: string | null;
}

const submissionSchema = z.object({
  environment: z.array(z.object({ name: z.string(), value: z.string() })),
  extraOptions: z.array(z.string()),
  dependsOn: z.array(z.object({ jobId: z.string(), kind: z.enum(DEPENDENCY_KINDS) })),
});

/** Later than any date: a job that hasn't started or ended sorts as the newest. */
const NOT_YET = 9e15;

/** Jobs as they are stored. Its writes are called by `events/journal.ts` alone, which also records the events. */
export class JobQueries {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async get(id: string): Promise<Job | null> {
    return (await this.getMany([id]))[0] ?? null;
  }

  /** In the order of the ids; null for each that isn't there. */
  async getMany(ids: readonly string[]): Promise<(Job | null)[]> {
    const byId = new Map<string, Job>();
    for await (const batch of batches(ids)) {
      const rows = await this.#database.selectFrom('jobs').selectAll().where('id', 'in', batch).execute();
      for (const row of rows) byId.set(row.id, toJob(row));
    }
    return ids.map((id) => byId.get(id) ?? null);
  }

  async byIdempotencyKey(userId: string, key: string): Promise<Job | null> {
    const row = await this.#database
      .selectFrom('jobs')
      .selectAll()
      .where('submitted_by', '=', userId)
      .where('idempotency_key', '=', key)
      .executeTakeFirst();
    return row === undefined ? null : toJob(row);
  }

  /** Every active job of every cluster, tasks and arrays included, oldest first. */
  async allActive(): Promise<Job[]> {
    const rows = await this.#database.selectFrom('jobs').selectAll().where('is_active', '=', 1).orderBy('id').execute();
    return rows.map(toJob);
  }

  /** Jobs by their numbers in one cluster's Slurm, which may have used a number more than once. */
  async inSlurm(clusterName: string, slurmJobIds: readonly string[]): Promise<Job[]> {
    const found: Job[] = [];
    for await (const batch of batches(slurmJobIds)) {
      const rows = await this.#database
        .selectFrom('jobs')
        .selectAll()
        .where('cluster_name', '=', clusterName)
        .where('slurm_job_id', 'in', batch)
        .execute();
      found.push(...rows.map(toJob));
    }
    return found;
  }

  /** The ids of jobs, on any cluster, that Slurm has not answered for yet. */
  async submitting(): Promise<Set<string>> {
    const rows = await this.#database
      .selectFrom('jobs')
      .select('id')
      .where('is_active', '=', 1)
      .where('slurm_job_id', 'is', null)
      .execute();
    return new Set(rows.map((row) => row.id));
  }

  /** Active jobs by cluster; an array counts once. */
  async activeCounts(): Promise<Map<string, number>> {
    const rows = await this.#database
      .selectFrom('jobs')
      .select((select) => ['cluster_name', select.fn.countAll<number>().as('count')])
      .where('is_active', '=', 1)
      .where('array_parent_id', 'is', null)
      .groupBy('cluster_name')
      .execute();
    return new Map(rows.map((row) => [row.cluster_name, Number(row.count)]));
  }

  async page(filter: JobFilter, order: JobOrder, request: PageRequest): Promise<KeysetPage<Job>> {
    const query = this.#database
      .selectFrom('jobs')
      .selectAll()
      .where((where) => jobsMatching(where, filter));
    const page = await keysetPage(query, request, (now) => keysetOrder(order, now));
    return { ...page, rows: page.rows.map(({ cursor, row }) => ({ cursor, row: toJob(row) })) };
  }

  async count(filter: JobFilter): Promise<number> {
    const row = await this.#database
      .selectFrom('jobs')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where((where) => jobsMatching(where, filter))
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** The tasks of an array, by index. */
  async tasksPage(parentId: string, request: PageRequest): Promise<KeysetPage<Job>> {
    const query = this.#database.selectFrom('jobs').selectAll().where('array_parent_id', '=', parentId);
    const page = await keysetPage(query, request, () => ({
      name: 'array_task_id',
      columns: ['array_task_id', 'id'],
      descending: false,
      valuesOf: (row) => [row.array_task_id ?? 0, row.id],
    }));
    return { ...page, rows: page.rows.map(({ cursor, row }) => ({ cursor, row: toJob(row) })) };
  }

  async tasks(parentId: string): Promise<Job[]> {
    const rows = await this.#database
      .selectFrom('jobs')
      .selectAll()
      .where('array_parent_id', '=', parentId)
      .orderBy('array_task_id')
      .execute();
    return rows.map(toJob);
  }

  /** What an array's own row follows from. */
  async arraySummary(parentId: string): Promise<ArraySummary> {
    const row = await this.#database
      .selectFrom('jobs')
      .select((select) => [
        select.fn.min('started_at').as('started_at'),
        select.fn.max('ended_at').as('ended_at'),
        select.fn.max('exit_code').as('exit_code'),
        select.fn.min('estimated_start_at').as('estimated_start_at'),
        select.fn.min('partition').as('partition'),
      ])
      .where('array_parent_id', '=', parentId)
      .executeTakeFirstOrThrow();
    return {
      counts: (await this.taskCounts([parentId])).get(parentId) ?? [],
      startedAt: toInstant(row.started_at),
      endedAt: toInstant(row.ended_at),
      exitCode: row.exit_code,
      estimatedStartAt: toInstant(row.estimated_start_at),
      partition: row.partition,
    };
  }

  /** How many tasks of each array are in each state. */
  async taskCounts(parentIds: readonly string[]): Promise<Map<string, StateCount[]>> {
    const rows = await this.#database
      .selectFrom('jobs')
      .select((select) => ['array_parent_id', 'state', select.fn.countAll<number>().as('count')])
      .where('array_parent_id', 'in', parentIds)
      .groupBy(['array_parent_id', 'state'])
      .orderBy('state')
      .execute();
    const counts = new Map<string, StateCount[]>();
    for (const row of rows) {
      const list = counts.get(row.array_parent_id ?? '') ?? [];
      list.push({ state: row.state, count: Number(row.count) });
      counts.set(row.array_parent_id ?? '', list);
    }
    return counts;
  }

  /** The batch scripts by job; a job whose script isn't made yet is missing. */
  async scripts(ids: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.#database
      .selectFrom('job_submissions')
      .select(['job_id', 'script'])
      .where('job_id', 'in', ids)
      .execute();
    return new Map(rows.flatMap((row) => (row.script === null ? [] : [[row.job_id, row.script] as const])));
  }

  async submission(jobId: string): Promise<Submission | null> {
    return (await this.submissions([jobId])).get(jobId) ?? null;
  }

  /** By job; a task of an array has none of its own. */
  async submissions(jobIds: readonly string[]): Promise<Map<string, Submission>> {
    const rows = await this.#database
      .selectFrom('job_submissions')
      .select(['job_id', 'environment', 'extra_options', 'depends_on', 'conda_env', 'prologue'])
      .select(['requested_partition', 'git_ref'])
      .where('job_id', 'in', jobIds)
      .execute();
    return new Map(
      rows.map((row) => {
        const lists = submissionSchema.parse({
          environment: JSON.parse(row.environment),
          extraOptions: JSON.parse(row.extra_options),
          dependsOn: JSON.parse(row.depends_on),
        });
        const { conda_env, prologue, requested_partition, git_ref } = row;
        return [
          row.job_id,
          { ...lists, condaEnv: conda_env, prologue, partition: requested_partition, gitRef: git_ref },
        ];
      }),
    );
  }

  async insert(created: readonly NewJob[]): Promise<void> {
    for await (const batch of batches(created)) {
      await this.#database
        .insertInto('jobs')
        .values(batch.map(({ job, idempotencyKey }) => ({ ...fromJob(job), idempotency_key: idempotencyKey })))
        .execute();
    }
    for (const { job, submission } of created) {
      if (submission === null) continue;
      await this.#database
        .insertInto('job_submissions')
        .values({
          job_id: job.id,
          script: null,
          environment: JSON.stringify(submission.environment),
          extra_options: JSON.stringify(submission.extraOptions),
          depends_on: JSON.stringify(submission.dependsOn),
          conda_env: submission.condaEnv,
          prologue: submission.prologue,
          requested_partition: submission.partition,
          git_ref: submission.gitRef,
        })
        .execute();
    }
  }

  async setScript(jobId: string, script: string): Promise<void> {
    await this.#database.updateTable('job_submissions').set({ script }).where('job_id', '=', jobId).execute();
  }

  /** Writes what can change of jobs that are stored already. */
  async update(jobs: readonly Job[]): Promise<void> {
    await updateRows(this.#database, CHANGING_COLUMNS, jobs.map(fromJob));
  }

  /** Adds attempts that are over, or replaces what is stored of them. */
  async saveAttempts(jobId: string, attempts: readonly JobAttempt[]): Promise<void> {
    for (const attempt of attempts) {
      const row = fromAttempt(jobId, attempt);
      await this.#database
        .insertInto('job_attempts')
        .values(row)
        .onConflict((conflict) => conflict.columns(['job_id', 'number']).doUpdateSet(row))
        .execute();
    }
  }

  /** The attempts that requeues have closed, the first one first; a job that was never requeued is missing. */
  async closedAttempts(jobIds: readonly string[]): Promise<Map<string, JobAttempt[]>> {
    const rows = await this.#database
      .selectFrom('job_attempts')
      .selectAll()
      .where('job_id', 'in', jobIds)
      .orderBy('number')
      .execute();
    const attempts = new Map<string, JobAttempt[]>();
    for (const row of rows) attempts.set(row.job_id, [...(attempts.get(row.job_id) ?? []), toAttempt(row)]);
    return attempts;
  }

  /** The newest jobs of a cluster of which it isn't known how an attempt ended that a requeue closed. */
  async withUntoldAttempts(clusterName: string, limit: number): Promise<Job[]> {
    const rows = await this.#database
      .selectFrom('jobs')
      .selectAll()
      .where('cluster_name', '=', clusterName)
      .where('id', 'in', (select) => select.selectFrom('job_attempts').select('job_id').where('outcome', 'is', null))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    return rows.map(toJob);
  }
}

/** Values together with the id are unique, so that a page's edge is exact. */
function keysetOrder(order: JobOrder, now: number): KeysetOrder<JobRow> {
  const descending = order.direction === 'DESC';
  const by = (column: string | Expression<string | number>, keyOf: (row: JobRow) => string | number) => ({
    name: order.field,
    columns: [column, 'id'],
    descending,
    valuesOf: (row: JobRow) => [keyOf(row), row.id],
  });
  switch (order.field) {
    case 'SUBMITTED_AT':
      return by('submitted_at', (row) => row.submitted_at);
    case 'STARTED_AT':
      return by(sql<number>`coalesce(started_at, ${sql.lit(NOT_YET)})`, (row) => row.started_at ?? NOT_YET);
    case 'ENDED_AT':
      return by(sql<number>`coalesce(ended_at, ${sql.lit(NOT_YET)})`, (row) => row.ended_at ?? NOT_YET);
    case 'NAME':
      return by('name', (row) => row.name);
    case 'STATE':
      return by('state', (row) => row.state);
    case 'ELAPSED':
      return by(
        sql<number>`case when started_at is null then -1 else coalesce(ended_at, ${sql.lit(now)}) - started_at end`,
        (row) => (row.started_at === null ? -1 : (row.ended_at ?? now) - row.started_at),
      );
  }
}
