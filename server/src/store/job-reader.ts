import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Expression, type SqlBool, sql } from 'kysely';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import type { JobFilter, JobOrder } from '../domain/job-filter.ts';
import { ArrayReader } from './array-reader.ts';
import { batches, WHOLE_ROWS_A_BATCH } from './batches.ts';
import { closedAttempts, firstStarts } from './closed-attempts.ts';
import type { Database } from './database.ts';
import { DerivedReader } from './derived-reader.ts';
import { type ResolvedFilter, resolveFilter } from './job-filter.ts';
import { JobList } from './job-list/job-list.ts';
import { JobListWithTasks } from './job-list/job-list-with-tasks.ts';
import { type KeysetPage, keysetPage, type PageRequest } from './keyset.ts';
import { jobsBy } from './sqlite/index.ts';
import { SubmissionReader } from './submission-reader.ts';
import { type OnRead, wholeJobs, wholePage } from './whole-jobs.ts';

/** Of which only the numbers are read. */
const TASKS_A_LOOK = 1000;
/** Each job may have a long command. */
const TASKS_A_TURN = 200;

/** Literally as in the index of active jobs: with a bound value SQLite wouldn't use it. */
const IS_ACTIVE = sql<SqlBool>`is_active = 1`;

/** Its page is empty, but cursors are still validated. */
const NOTHING: ResolvedFilter = {
  words: [],
  ids: null,
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
  tags: null,
  startedAfter: null,
  startedBefore: null,
  endedAfter: null,
  endedBefore: null,
  includeArrayTasks: false,
};

type CountOnce = (question: string, countAnew: () => Promise<number>) => Promise<number>;

/** Reads stored jobs. */
export class JobReader {
  readonly arrays: ArrayReader;
  readonly derived: DerivedReader;
  readonly submissions: SubmissionReader;
  readonly #database: Database;
  readonly #counts: CountOnce | null;

  /** `counts`: counts nothing twice between writes; a transaction has none. */
  constructor(database: Database, counts: CountOnce | null = null) {
    this.#database = database;
    this.#counts = counts;
    this.arrays = new ArrayReader(database);
    this.derived = new DerivedReader(database);
    this.submissions = new SubmissionReader(database);
  }

  async get(id: string): Promise<Job | null> {
    return (await this.getMany([id]))[0] ?? null;
  }

  /** In the order of the ids; null for each that isn't there. */
  async getMany(ids: readonly string[], onRead: OnRead<Job> = () => undefined): Promise<(Job | null)[]> {
    const byId = new Map<string, Job>();
    for await (const jobs of wholeJobs(this.#database, 'id', [...new Set(ids)])) {
      onRead(jobs);
      for (const job of jobs) byId.set(job.id, job);
    }
    return ids.map((id) => byId.get(id) ?? null);
  }

  async byIdempotencyKey(userId: string, key: string): Promise<Job | null> {
    const row = await this.#database
      .selectFrom('jobs')
      .select('id')
      .where('submitted_by', '=', userId)
      .where('idempotency_key', '=', key)
      .executeTakeFirst();
    return row === undefined ? null : this.get(row.id);
  }

  /** Every active job of every cluster, tasks and arrays included, oldest first, some at a time. */
  async *allActive(): AsyncGenerator<readonly Job[], void, undefined> {
    const active = await this.#database
      .selectFrom(jobsBy('jobs_active'))
      .select('id')
      .where(IS_ACTIVE)
      .orderBy('id')
      .execute();
    const ids = active.map(({ id }) => id);
    for await (const batch of batches(ids, WHOLE_ROWS_A_BATCH)) {
      yield (await this.getMany(batch)).flatMap((job) => job ?? []);
    }
  }

  /** Jobs by their numbers in one cluster's Slurm, which may have reused a number. */
  async inSlurm(clusterName: string, slurmJobIds: readonly string[], onRead?: OnRead<Job>): Promise<Job[]> {
    const ids: string[] = [];
    for await (const batch of batches(slurmJobIds)) {
      const rows = await this.#database
        .selectFrom('jobs')
        .select('id')
        .where('cluster_name', '=', clusterName)
        .where('slurm_job_id', 'in', batch)
        .execute();
      for (const { id } of rows) ids.push(id);
    }
    return (await this.getMany(ids, onRead)).flatMap((job) => job ?? []);
  }

  /** The tasks that are over of an array's number in one cluster's Slurm, of which some are wanted by their indexes. */
  async endedTasksInSlurm(
    clusterName: string,
    slurmArrayId: string,
    isWanted: (index: number) => boolean,
  ): Promise<Job[]> {
    const ids: string[] = [];
    // A number may have been used again.
    let last = { slurm_job_id: `${slurmArrayId}_` as string | null, id: '' };
    for (let isMore = true; isMore; ) {
      const rows = await this.#database
        .selectFrom('jobs')
        .select(['id', 'slurm_job_id', 'array_task_id', 'is_active'])
        .where('cluster_name', '=', clusterName)
        .where('slurm_job_id', '>=', last.slurm_job_id)
        .where(({ eb, or }) => or([eb('slurm_job_id', '>', last.slurm_job_id), eb('id', '>', last.id)]))
        // The character that follows "_".
        .where('slurm_job_id', '<', `${slurmArrayId}\``)
        .orderBy('slurm_job_id')
        .orderBy('id')
        .limit(TASKS_A_LOOK)
        .execute();
      for (const { id, array_task_id: index, is_active: isActive } of rows) {
        if (isActive === 0 && index !== null && isWanted(index)) ids.push(id);
      }
      last = rows.at(-1) ?? last;
      isMore = rows.length === TASKS_A_LOOK;
      if (isMore) await nextTurn();
    }
    return (await this.getMany(ids)).flatMap((job) => job ?? []);
  }

  /** Those of these ids that are of a cluster's jobs. */
  among(clusterName: string, ids: readonly string[]): Promise<Set<string>> {
    return this.#among(ids, sql<SqlBool>`cluster_name = ${clusterName}`);
  }

  /** Those of these ids that stand for jobs that Slurm has not answered for yet. */
  submitting(ids: readonly string[]): Promise<Set<string>> {
    return this.#among(ids, sql<SqlBool>`${IS_ACTIVE} and slurm_job_id is null`);
  }

  async #among(ids: readonly string[], isWanted: Expression<SqlBool>): Promise<Set<string>> {
    const found = new Set<string>();
    for await (const batch of batches(ids)) {
      const rows = await this.#database
        .selectFrom('jobs')
        .select('id')
        .where('id', 'in', batch)
        .where(isWanted)
        .execute();
      for (const { id } of rows) found.add(id);
    }
    return found;
  }

  /**
   * The cost depends on the narrowest part of the filter, not on the number of jobs. Without a narrow part, jobs are
   * read one after another in turns of the event loop until the page is full: for words of fewer than three letters,
   * and for lists with the tasks of arrays. Throws CursorError.
   */
  async page(
    filter: JobFilter,
    order: JobOrder,
    request: PageRequest,
    onRead: OnRead<Job> = () => undefined,
  ): Promise<KeysetPage<Job>> {
    const resolved = await resolveFilter(this.#database, filter);
    const list = this.#list(resolved ?? { ...NOTHING, includeArrayTasks: filter.includeArrayTasks });
    return list.page(order, request, onRead);
  }

  #list(filter: ResolvedFilter): JobList | JobListWithTasks {
    const List = filter.includeArrayTasks ? JobListWithTasks : JobList;
    return new List(this.#database, filter);
  }

  /** A large number takes a while, in turns of the event loop. */
  async count(filter: JobFilter): Promise<number> {
    if (this.#counts === null) return this.#countAnew(filter);
    return this.#counts(JSON.stringify(filter), () => this.#countAnew(filter));
  }

  async #countAnew(filter: JobFilter): Promise<number> {
    const resolved = await resolveFilter(this.#database, filter);
    return resolved === null ? 0 : this.#list(resolved).count();
  }

  /** The tasks of an array, by index. */
  async tasksPage(
    parentId: string,
    request: PageRequest,
    onRead: OnRead<Job> = () => undefined,
  ): Promise<KeysetPage<Job>> {
    const query = this.#database
      .selectFrom('jobs')
      .select(['array_task_id', 'id'])
      .where('array_parent_id', '=', parentId);
    const page = await keysetPage(query, request, () => ({
      name: 'array_task_id',
      columns: ['array_task_id', 'id'],
      descending: false,
      valuesOf: (row) => [row.array_task_id ?? 0, row.id],
    }));
    return wholePage(this.#database, page, onRead);
  }

  /** The tasks of an array by their indexes, without those that aren't there. */
  async tasksAt(parentId: string, indexes: readonly number[]): Promise<Job[]> {
    const ids: string[] = [];
    for await (const batch of batches([...new Set(indexes)])) {
      const rows = await this.#database
        .selectFrom('jobs')
        .select('id')
        .where('array_parent_id', '=', parentId)
        .where('array_task_id', 'in', batch)
        .execute();
      for (const { id } of rows) ids.push(id);
    }
    return (await this.getMany(ids)).flatMap((job) => job ?? []);
  }

  async tasks(parentId: string): Promise<Job[]> {
    const tasks: Job[] = [];
    for await (const some of this.tasksInTurns(parentId)) tasks.push(...some);
    return tasks;
  }

  /** The tasks of an array, by index, in slices with turns of the event loop in between. */
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

  /** The attempts that requeues have closed, in order, without jobs that were never requeued. */
  async closedAttempts(
    jobIds: readonly string[],
    onRead: OnRead<JobAttempt> = () => undefined,
  ): Promise<Map<string, JobAttempt[]>> {
    const attempts = new Map<string, JobAttempt[]>();
    for await (const rows of closedAttempts(this.#database, jobIds)) {
      onRead(rows.map(({ attempt }) => attempt));
      for (const { jobId, attempt } of rows) {
        const ofJob = attempts.get(jobId) ?? [];
        ofJob.push(attempt);
        attempts.set(jobId, ofJob);
      }
    }
    return attempts;
  }

  /** When jobs that were requeued first started, without those that never did before. */
  firstStarts(jobIds: readonly string[]): Promise<Map<string, Date>> {
    return firstStarts(this.#database, jobIds);
  }

  /** The newest jobs of a cluster with a closed attempt whose end isn't known. */
  async withUntoldAttempts(clusterName: string, limit: number): Promise<Job[]> {
    const rows = await this.#database
      .selectFrom('jobs')
      .select('id')
      .where('cluster_name', '=', clusterName)
      .where('id', 'in', (select) => select.selectFrom('job_attempts').select('job_id').where('outcome', 'is', null))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    return (await this.getMany(rows.map(({ id }) => id))).flatMap((job) => job ?? []);
  }
}
