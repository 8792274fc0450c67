import { setImmediate as nextTurn } from 'node:timers/promises';
import { type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import type { JobFilter, JobOrder } from '../domain/job-filter.ts';
import type { JobState } from '../domain/job-state.ts';
import { DEPENDENCY_KINDS, type Submission } from '../domain/submission.ts';
import { batches } from './batches.ts';
import type { CountMemo } from './count-memo.ts';
import type { Database } from './database.ts';
import { toInstant } from './instants.ts';
import { componentRequestsSchema } from './job-components.ts';
import { type ResolvedFilter, resolveFilter } from './job-filter.ts';
import { JobList } from './job-list/job-list.ts';
import { JobListWithTasks } from './job-list/job-list-with-tasks.ts';
import { changedColumns, fromAttempt, fromJob, type JobRow, toAttempt, toJob } from './job-rows.ts';
import { type RowChange, updateJobs } from './job-updates.ts';
import { type KeysetPage, keysetPage, type PageRequest } from './keyset.ts';
import { indexWords, insertRows, jobsBy, updateEachJob } from './sqlite/index.ts';

export interface StateCount {
  readonly state: JobState;
  readonly count: number;
}

export interface NewJob {
  readonly job: Job;
  readonly idempotencyKey: string | null;
  /** What a request with the same key is held against. */
  readonly requestDigest?: string | null;
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
  components: componentRequestsSchema,
});

/** They are the longest of all texts. */
const SCRIPTS_A_BATCH = 50;

/** Each may have a long command. */
const TASKS_A_TURN = 200;
/** So many are summed up in one statement. */
const TASKS_A_SUMMARY = 2000;

/** As the index of active jobs has it: a value that is bound later would not find it. */
const IS_ACTIVE = sql<SqlBool>`is_active = 1`;

/** A page of it is empty, and its cursors are looked at all the same. */
const NOTHING: ResolvedFilter = {
  words: [],
  states: [],
  isActive: null,
  isArchived: null,
  clusters: null,
  projectIds: null,
  userIds: null,
  partitions: null,
  submittedAfter: null,
  submittedBefore: null,
  exitCodes: null,
  startedAfter: null,
  startedBefore: null,
  endedAfter: null,
  endedBefore: null,
  includeArrayTasks: false,
};

/** Jobs as they are stored. Its writes are called by `events/journal.ts` alone, which also records the events. */
export class JobQueries {
  readonly #database: Database;
  readonly #counts: CountMemo | null;

  /** With a memo, nothing is counted twice unless something changed; within a transaction there is none. */
  constructor(database: Database, counts: CountMemo | null = null) {
    this.#database = database;
    this.#counts = counts;
  }

  async get(id: string): Promise<Job | null> {
    return (await this.getMany([id]))[0] ?? null;
  }

  /** In the order of the ids; null for each that isn't there. */
  async getMany(ids: readonly string[]): Promise<(Job | null)[]> {
    const byId = new Map<string, Job>();
    for await (const batch of batches([...new Set(ids)])) {
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

  /** Null: the job was asked for without a key, or before digests were kept. */
  async requestDigest(jobId: string): Promise<string | null> {
    const row = await this.#database
      .selectFrom('job_submissions')
      .select('request_digest')
      .where('job_id', '=', jobId)
      .executeTakeFirst();
    return row?.request_digest ?? null;
  }

  /** Every active job of every cluster, tasks and arrays included, oldest first. */
  async allActive(): Promise<Job[]> {
    const rows = await this.#database
      .selectFrom(jobsBy('jobs_active'))
      .selectAll()
      .where(IS_ACTIVE)
      .orderBy('id')
      .execute();
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
      .selectFrom(jobsBy('jobs_active'))
      .select('id')
      .where(IS_ACTIVE)
      .where('slurm_job_id', 'is', null)
      .execute();
    return new Set(rows.map((row) => row.id));
  }

  /** Active jobs by cluster; an array counts once. */
  async activeCounts(): Promise<Map<string, number>> {
    const rows = await this.#database
      .selectFrom(jobsBy('jobs_active'))
      .select((select) => ['cluster_name', select.fn.countAll<number>().as('count')])
      .where(IS_ACTIVE)
      .where('array_parent_id', 'is', null)
      .groupBy('cluster_name')
      .execute();
    return new Map(rows.map((row) => [row.cluster_name, Number(row.count)]));
  }

  /**
   * What it costs goes by the narrowest part of the filter, not by how many jobs there are. Where nothing is narrow, jobs
   * are looked at one after the other in turns of the event loop until the page is full: so it is for words of fewer than
   * three letters, and for lists that show the tasks of arrays. Throws CursorError.
   */
  async page(filter: JobFilter, order: JobOrder, request: PageRequest): Promise<KeysetPage<Job>> {
    const resolved = await resolveFilter(this.#database, filter);
    const list = this.#list(resolved ?? { ...NOTHING, includeArrayTasks: filter.includeArrayTasks });
    const page = await list.page(order, request);
    return { ...page, rows: page.rows.map(({ cursor, row }) => ({ cursor, row: toJob(row) })) };
  }

  #list(filter: ResolvedFilter): JobList | JobListWithTasks {
    const List = filter.includeArrayTasks ? JobListWithTasks : JobList;
    return new List(this.#database, filter);
  }

  /** A large number takes a while, in turns of the event loop. */
  async count(filter: JobFilter): Promise<number> {
    if (this.#counts === null) return this.#countAnew(filter);
    return this.#counts.count(JSON.stringify(filter), () => this.#countAnew(filter));
  }

  async #countAnew(filter: JobFilter): Promise<number> {
    const resolved = await resolveFilter(this.#database, filter);
    return resolved === null ? 0 : this.#list(resolved).count();
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
    const tasks: Job[] = [];
    for await (const some of this.tasksInTurns(parentId)) tasks.push(...some);
    return tasks;
  }

  /** The tasks of an array, by index, some at a time: others have their turn in between. */
  async *tasksInTurns(parentId: string): AsyncGenerator<readonly Job[], void, undefined> {
    let from: string | null = null;
    for (;;) {
      const page: KeysetPage<Job> = await this.tasksPage(parentId, { limit: TASKS_A_TURN, backwards: false, from });
      yield page.rows.map(({ row }) => row);
      from = page.rows.at(-1)?.cursor ?? null;
      if (!page.hasMore) return;
      await nextTurn();
    }
  }

  /** What an array's own row follows from, in one reading of its tasks. */
  async arraySummary(parentId: string): Promise<ArraySummary> {
    const rows = await this.#summaries(parentId);
    const known = <T>(values: readonly (T | null)[]) => values.filter((value) => value !== null);
    const lowest = (values: readonly (number | null)[]) =>
      known(values).reduce<number | null>((low, value) => Math.min(low ?? value, value), null);
    const highest = (values: readonly (number | null)[]) =>
      known(values).reduce<number | null>((high, value) => Math.max(high ?? value, value), null);
    return {
      counts: inSum(rows),
      startedAt: toInstant(lowest(rows.map((row) => row.started_at))),
      endedAt: toInstant(highest(rows.map((row) => row.ended_at))),
      exitCode: highest(rows.map((row) => row.exit_code)),
      estimatedStartAt: toInstant(lowest(rows.map((row) => row.estimated_start_at))),
      partition: known(rows.map((row) => row.partition)).sort()[0] ?? null,
    };
  }

  /** By state, of some tasks after the others: a state may come again. */
  async #summaries(parentId: string) {
    const rows = [];
    for await (const some of this.#someTasks(parentId)) {
      const summaries = await some
        .select((select) => [
          'state',
          select.fn.countAll<number>().as('count'),
          select.fn.min('started_at').as('started_at'),
          select.fn.max('ended_at').as('ended_at'),
          select.fn.max('exit_code').as('exit_code'),
          select.fn.min('estimated_start_at').as('estimated_start_at'),
          select.fn.min('partition').as('partition'),
        ])
        .groupBy('state')
        .execute();
      rows.push(...summaries);
    }
    return rows;
  }

  /** How many tasks of each array are in each state. */
  async taskCounts(parentIds: readonly string[]): Promise<Map<string, StateCount[]>> {
    const counts = new Map<string, StateCount[]>();
    let sinceTurn = 0;
    for (const parentId of new Set(parentIds)) {
      const rows: StateCount[] = [];
      for await (const some of this.#someTasks(parentId)) {
        const byState = some.select((select) => ['state', select.fn.countAll<number>().as('count')]).groupBy('state');
        rows.push(...(await byState.execute()));
      }
      const sums = inSum(rows);
      if (sums.length > 0) counts.set(parentId, sums);
      sinceTurn += sums.reduce((sum, { count }) => sum + count, TASKS_A_SUMMARY / 50);
      if (sinceTurn < TASKS_A_SUMMARY) continue;
      await nextTurn();
      sinceTurn = 0;
    }
    return counts;
  }

  /** The tasks of an array in parts by index, each short enough for one statement; others have their turn in between. */
  async *#someTasks(parentId: string) {
    const all = this.#database.selectFrom('jobs').where('array_parent_id', '=', parentId);
    for (let from: number | null = null; ; await nextTurn()) {
      const rest: typeof all = from === null ? all : all.where('array_task_id', '>', from);
      const end: { readonly array_task_id: number | null } | undefined = await rest
        .select('array_task_id')
        .orderBy('array_task_id')
        .limit(1)
        .offset(TASKS_A_SUMMARY - 1)
        .executeTakeFirst();
      from = end?.array_task_id ?? null;
      yield from === null ? rest : rest.where('array_task_id', '<=', from);
      if (from === null) return;
    }
  }

  /**
   * The batch scripts by job; a job whose script isn't made yet is missing. Each is told to `onRead` before the next ones
   * are read: if that throws, no more are.
   */
  async scripts(
    ids: readonly string[],
    onRead: (script: string) => void = () => undefined,
  ): Promise<Map<string, string>> {
    const scripts = new Map<string, string>();
    for await (const batch of batches([...new Set(ids)], SCRIPTS_A_BATCH)) {
      const rows = await this.#database
        .selectFrom('job_submissions')
        .select(['job_id', 'script'])
        .where('job_id', 'in', batch)
        .execute();
      for (const { job_id: id, script } of rows) {
        if (script === null) continue;
        onRead(script);
        scripts.set(id, script);
      }
    }
    return scripts;
  }

  async submission(jobId: string): Promise<Submission | null> {
    return (await this.submissions([jobId])).get(jobId) ?? null;
  }

  /** By job; a task of an array has none of its own. */
  async submissions(jobIds: readonly string[]): Promise<Map<string, Submission>> {
    const submissions = new Map<string, Submission>();
    for await (const batch of batches([...new Set(jobIds)])) {
      const rows = await this.#database
        .selectFrom('job_submissions')
        .select(['job_id', 'environment', 'extra_options', 'depends_on', 'conda_env', 'prologue'])
        .select(['requested_partition', 'git_ref', 'components', 'is_singleton', 'message'])
        .where('job_id', 'in', batch)
        .execute();
      for (const row of rows) {
        const lists = submissionSchema.parse({
          environment: JSON.parse(row.environment),
          extraOptions: JSON.parse(row.extra_options),
          dependsOn: JSON.parse(row.depends_on),
          components: JSON.parse(row.components),
        });
        const submission: Submission = {
          ...lists,
          isSingleton: row.is_singleton === 1,
          condaEnv: row.conda_env,
          prologue: row.prologue,
          partition: row.requested_partition,
          gitRef: row.git_ref,
          message: row.message,
        };
        submissions.set(row.job_id, submission);
      }
    }
    return submissions;
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
          job_id: job.id,
          script: null,
          environment: JSON.stringify(submission.environment),
          extra_options: JSON.stringify(submission.extraOptions),
          depends_on: JSON.stringify(submission.dependsOn),
          conda_env: submission.condaEnv,
          prologue: submission.prologue,
          requested_partition: submission.partition,
          git_ref: submission.gitRef,
          components: JSON.stringify(submission.components),
          request_digest: requestDigest ?? null,
          is_singleton: submission.isSingleton ? 1 : 0,
          message: submission.message,
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

  /** Makes jobs that have a number known to the search, or known anew. */
  async #index(rows: readonly Pick<JobRow, 'number' | 'search_text' | 'submitted_at'>[]): Promise<void> {
    const known = rows.flatMap(({ number, ...row }) => (number === null ? [] : [{ ...row, number }]));
    await indexWords(this.#database, known);
  }

  async setScript(jobId: string, script: string): Promise<void> {
    await this.#database.updateTable('job_submissions').set({ script }).where('job_id', '=', jobId).execute();
  }

  /** Adds what is to be told about how a job was taken, in lines of its own. */
  async addSubmitMessage(jobId: string, message: string): Promise<void> {
    await this.#database
      .updateTable('job_submissions')
      .set({ message: sql`coalesce(message || ${'\n'}, '') || ${message}` })
      .where('job_id', '=', jobId)
      .execute();
  }

  /** Writes what has changed of jobs that are stored already. */
  async update(changes: readonly { readonly before: Job; readonly after: Job }[]): Promise<void> {
    const news: RowChange[] = [];
    for await (const batch of batches(changes)) {
      for (const { before, after } of batch) news.push({ id: after.id, news: changedColumns(before, after) });
    }
    await updateJobs(this.#database, news);
    for await (const batch of batches(changes.filter(({ before, after }) => before.slurmJobId !== after.slurmJobId))) {
      await this.#indexNumbers(batch);
    }
  }

  /** What Slurm calls a job is sought too. */
  async #indexNumbers(changes: readonly { readonly after: Job }[]): Promise<void> {
    if (changes.length === 0) return;
    const texts = changes.map(({ after }) => ({ id: after.id, values: { search_text: fromJob(after).search_text } }));
    await updateEachJob(this.#database, ['search_text'], texts);
    const ids = changes.map(({ after }) => after.id);
    const columns = ['number', 'search_text', 'submitted_at'] as const;
    await this.#index(await this.#database.selectFrom('jobs').select(columns).where('id', 'in', ids).execute());
  }

  /** Adds attempts that are over, or completes what is stored of those whose outcome wasn't known yet. */
  async saveAttempts(jobId: string, attempts: readonly JobAttempt[]): Promise<void> {
    for (const attempt of attempts) {
      const row = fromAttempt(jobId, attempt);
      await this.#database
        .insertInto('job_attempts')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(['job_id', 'number'])
            .doUpdateSet((update) => ({
              ...row,
              // The accounting may know no start of an attempt that was put back right after it.
              started_at: update.fn.coalesce('excluded.started_at', 'job_attempts.started_at'),
              node_list: update.fn.coalesce('excluded.node_list', 'job_attempts.node_list'),
            }))
            // It calls every attempt REQUEUED that was followed by another, however it had ended.
            .where('job_attempts.outcome', 'is', null),
        )
        .execute();
    }
  }

  /** The attempts that requeues have closed, the first one first; a job that was never requeued is missing. */
  async closedAttempts(jobIds: readonly string[]): Promise<Map<string, JobAttempt[]>> {
    const attempts = new Map<string, JobAttempt[]>();
    for await (const batch of batches([...new Set(jobIds)])) {
      const rows = await this.#database
        .selectFrom('job_attempts')
        .selectAll()
        .where('job_id', 'in', batch)
        .orderBy('number')
        .execute();
      for (const row of rows) {
        const ofJob = attempts.get(row.job_id) ?? [];
        ofJob.push(toAttempt(row));
        attempts.set(row.job_id, ofJob);
      }
    }
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

/** Each state once, by name. */
function inSum(counts: readonly StateCount[]): StateCount[] {
  const sums = new Map<JobState, number>();
  for (const { state, count } of counts) sums.set(state, (sums.get(state) ?? 0) + Number(count));
  return [...sums]
    .map(([state, count]) => ({ state, count }))
    .sort((left, right) => (left.state < right.state ? -1 : 1));
}
