import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../domain/job.ts';
import { JOB_ORDER_FIELDS, type JobFilter, type JobOrder, matchesFilter } from '../../domain/job-filter.ts';
import { JOB_STATES } from '../../domain/job-state.ts';
import { aJob, aProject, EVERY_JOB } from '../../domain/testing.ts';
import { Store } from '../index.ts';
import { JOBS_A_BLOCK } from '../sqlite/word-tokens.ts';
import { DatabaseWork, insertJobs, turnsDuring } from '../testing.ts';
import { writesOf } from '../writes.ts';

const PROJECTS = ['Vision 100%', 'resnet', 'nlp'].map((name, index) => aProject({ id: `project-${index}`, name }));
const NEWEST_FIRST: JobOrder = { field: 'SUBMITTED_AT', direction: 'DESC' };
const LISTED: JobFilter = { ...EVERY_JOB, includeArrayTasks: false };
const NOT_YET = Number.MAX_SAFE_INTEGER;

const word = fc.constantFrom(
  'resnet',
  'ResNet-50',
  '100%',
  'a_b',
  '"q"',
  'x',
  'Straße',
  'ÜBUNG',
  '训练',
  '🐧🐧',
  'a\0bcd',
);
const text = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '));
const instant = fc.integer({ min: 0, max: 9 }).map((minutes) => new Date(Date.UTC(2026, 10, 24, 12, minutes)));
const tags = fc.subarray(['x', 'Baseline', 'for the paper', '"']);
const job: fc.Arbitrary<Job> = fc
  .record({
    name: text,
    command: text,
    slurmJobId: fc.option(fc.constantFrom('1234', '99123')),
    gitCommit: fc.option(fc.constantFrom('abcdef', '123456')),
    tags,
    state: fc.constantFrom(...JOB_STATES),
    isArchived: fc.boolean(),
    clusterName: fc.constantFrom('alpha', 'beta'),
    projectId: fc.option(fc.constantFrom(...PROJECTS.map(({ id }) => id))),
    submittedBy: fc.constantFrom('ada', 'grace'),
    partition: fc.option(fc.constantFrom('gpu', 'cpu')),
    submittedAt: instant,
    startedAt: fc.option(instant),
    endedAt: fc.option(instant),
    exitCode: fc.option(fc.constantFrom(0, 1, 137)),
  })
  .map((parts) => aJob(parts));

const some = <T>(...values: readonly T[]) => fc.option(fc.subarray([...values]));
const filter: fc.Arbitrary<JobFilter> = fc
  .record({
    // Places among the jobs below, whose ids are known only later.
    ids: fc.option(fc.array(fc.nat({ max: 160 }).map(String), { maxLength: 120 })),
    search: fc.option(
      fc.oneof(
        text,
        fc.constantFrom('', '1234', 'ABC', 'net-', 'vision', 'res net', '#base', '#x', '🐧', '训练', 'no such word'),
      ),
    ),
    states: some(...JOB_STATES),
    isActive: fc.option(fc.boolean()),
    isArchived: fc.option(fc.boolean()),
    clusters: some('alpha', 'beta', 'gamma'),
    projectIds: some(...PROJECTS.map(({ id }) => id)),
    userIds: some('ada', 'grace'),
    partitions: some('gpu', 'cpu'),
    submittedAfter: fc.option(instant),
    submittedBefore: fc.option(instant),
    exitCodes: some(0, 1, 137),
    tags: fc.option(tags),
    startedAfter: fc.option(instant),
    startedBefore: fc.option(instant),
    endedAfter: fc.option(instant),
    endedBefore: fc.option(instant),
    includeArrayTasks: fc.constant(false),
  })
  .chain((full) =>
    // Few parts at a time, so that few filters let nothing through.
    fc
      .subarray(Object.keys(LISTED) as (keyof JobFilter)[], { maxLength: 3 })
      .map((keys): JobFilter => ({ ...LISTED, ...Object.fromEntries(keys.map((key) => [key, full[key]])) })),
  );
const order: fc.Arbitrary<JobOrder> = fc.record({
  field: fc.constantFrom(...JOB_ORDER_FIELDS),
  direction: fc.constantFrom('ASC', 'DESC'),
});

const projectName = (id: string | null) => PROJECTS.find((project) => project.id === id)?.name ?? null;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-list-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function walk(
  store: Store,
  wanted: JobFilter,
  by: JobOrder,
  limit: number,
  backwards = false,
): Promise<string[]> {
  const pages: string[][] = [];
  let from: string | null = null;
  for (;;) {
    const page: Awaited<ReturnType<typeof store.jobs.page>> = await store.jobs.page(wanted, by, {
      limit,
      backwards,
      from,
    });
    expect(page.rows.length).toBeLessThanOrEqual(limit);
    pages.push(page.rows.map(({ row }) => row.id));
    const edge = backwards ? page.rows[0] : page.rows.at(-1);
    if (!page.hasMore || edge === undefined) return (backwards ? pages.reverse() : pages).flat();
    from = edge.cursor;
  }
}

describe('a list', () => {
  let store: Store;
  /** In the order in which they were recorded. */
  let jobs: Job[];
  beforeAll(async () => {
    const file = join(directory, 'blocks.db');
    store = await Store.open(file);
    for (const project of PROJECTS) await store.projects.save(project);
    jobs = fc.sample(job, { numRuns: 150, seed: 3 });
    const array = aJob();
    jobs.push(array);
    for (const [index, created] of jobs.entries()) {
      await insertJobs(store, [created]);
      if (index % 50 !== 20) continue;
      // The next ones fall into two blocks: half of them come before the edge.
      const raw = new SqliteDatabase(file);
      const edge = (Math.floor(index / 50) + 1) * JOBS_A_BLOCK;
      raw
        .prepare('insert into job_search (rowid, tokens) select ?, ? from jobs where id = ?')
        .run(edge - 25, '', created.id);
      raw.prepare('update jobs set number = ? where id = ?').run(edge - 25, created.id);
      raw.close();
      // Its words are indexed anew under its new number.
      const moved = { ...created, slurmJobId: '777' };
      await writesOf(store).transaction(({ jobWriter }) => jobWriter.update([{ before: created, after: moved }]));
      jobs[index] = moved;
    }
    await insertJobs(store, [aJob({ name: 'resnet', arrayParentId: array.id, arrayTaskId: 0 })]);
    // What a job is found by changes.
    for (const [index, before] of jobs.entries()) {
      if (index % 3 !== 0) continue;
      const after: Job = {
        ...before,
        slurmJobId: `${5000 + index}`,
        state: 'FAILED',
        isArchived: !before.isArchived,
        partition: 'gpu',
      };
      await writesOf(store).transaction(({ jobWriter }) => jobWriter.update([{ before, after }]));
      jobs[index] = after;
    }
  });
  afterAll(() => store.close());

  const keyOf = (by: JobOrder, each: Job, now: number): string | number => {
    const [submitted, started, ended] = [each.submittedAt, each.startedAt, each.endedAt].map((date) => date?.getTime());
    if (by.field === 'SUBMITTED_AT') return submitted ?? 0;
    if (by.field === 'STARTED_AT') return started ?? NOT_YET;
    if (by.field === 'ENDED_AT') return ended ?? NOT_YET;
    if (by.field === 'NAME') return each.name;
    if (by.field === 'STATE') return each.state;
    return started === undefined ? -1 : (ended ?? now) - started;
  };
  /** Filtered and sorted without the store; equals by the order in which they were recorded. */
  const inMemory = (wanted: JobFilter, by: JobOrder) => {
    const now = Date.now();
    const found = jobs.filter((each) => matchesFilter(each, projectName(each.projectId), wanted));
    const ascending = found.toSorted((left, right) => {
      const [a, b] = [keyOf(by, left, now), keyOf(by, right, now)];
      if (typeof a === 'number' && typeof b === 'number') return a - b;
      return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
    });
    return (by.direction === 'ASC' ? ascending : ascending.toReversed()).map(({ id }) => id);
  };

  it('shows what the filter in memory finds, in its order, by pages of any size', async () => {
    const shown = { empty: 0, full: 0 };
    await fc.assert(
      fc.asyncProperty(
        filter,
        order,
        fc.integer({ min: 4, max: 60 }),
        fc.boolean(),
        async ({ ids, ...others }, by, limit, backwards) => {
          const wanted = { ...others, ids: ids?.map((index) => jobs[Number(index)]?.id ?? 'none') ?? null };
          const expected = inMemory(wanted, by);
          shown[expected.length === 0 ? 'empty' : 'full'] += 1;
          expect(await walk(store, wanted, by, limit, backwards)).toEqual(expected);
          expect(await store.jobs.count(wanted)).toBe(expected.length);
        },
      ),
      { numRuns: 150 },
    );
    expect(shown.full).toBeGreaterThan(shown.empty);
  });

  it.each(['resnet', 'übung', '训练', '50', '🐧🐧', '"q"', 'vision', '777', 'a\0b'])(
    'is searched through all blocks: %j',
    async (search) => {
      const wanted = { ...LISTED, search };
      const expected = inMemory(wanted, NEWEST_FIRST);
      expect(expected).not.toEqual([]);
      expect(await walk(store, wanted, NEWEST_FIRST, 4)).toEqual(expected);
    },
  );

  it('is counted anew after each change, and once where nothing changed', async () => {
    const wanted: JobFilter = { ...LISTED, search: 'counted' };
    expect(await Promise.all([store.jobs.count(wanted), store.jobs.count(wanted)])).toEqual([0, 0]);
    const counted = aJob({ name: 'counted', state: 'FAILED' });
    await insertJobs(store, [counted]);
    jobs.push(counted);
    expect(await store.jobs.count(wanted)).toBe(1);
    const failed = writesOf(store).transaction(async ({ jobWriter, jobs: inTransaction }) => {
      await jobWriter.insert([{ job: aJob({ name: 'counted' }), idempotencyKey: null, submission: null }]);
      expect(await inTransaction.count(wanted)).toBe(2);
      throw new Error('on purpose');
    });
    await expect(failed).rejects.toThrow('on purpose');
    expect(await store.jobs.count(wanted)).toBe(1);
  });

  it('of contradictory states is empty', async () => {
    for (const isActive of [true, false]) {
      const wanted: JobFilter = { ...LISTED, isActive, states: isActive ? ['FAILED'] : ['RUNNING'] };
      expect(await walk(store, wanted, NEWEST_FIRST, 10)).toEqual([]);
      expect(await store.jobs.count(wanted)).toBe(0);
    }
  });

  it('may be asked for more projects than are worth reading side by side', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `project-${index}`);
    for (const by of [NEWEST_FIRST, { field: 'NAME', direction: 'ASC' }] as const) {
      const wanted = { ...LISTED, projectIds: many };
      expect(await walk(store, wanted, by, 20)).toEqual(inMemory(wanted, by));
    }
  });
});

describe('a long list', () => {
  let store: Store;
  let jobs: readonly Job[];
  beforeAll(async () => {
    store = await Store.open(':memory:');
    jobs = Array.from({ length: 6000 }, (_, index) =>
      aJob({
        name: index % 2999 === 0 ? 'zz' : 'train',
        submittedBy: index % 2 === 0 ? 'ada' : 'grace',
        submittedAt: new Date(Date.UTC(2026, 0, 1) + index * 1000),
      }),
    );
    await insertJobs(store, jobs);
  });
  afterAll(() => store.close());

  it.each<Partial<JobFilter>>([{ search: 'zz' }, { search: 'zz', userIds: ['ada', 'grace'] }])(
    'is looked through to its end for the few jobs that match %j, whichever way',
    async (parts) => {
      const wanted = { ...LISTED, ...parts };
      const expected = [5998, 2999, 0].map((index) => jobs[index]?.id);
      expect(await walk(store, wanted, NEWEST_FIRST, 2)).toEqual(expected);
      expect(await walk(store, wanted, { field: 'ENDED_AT', direction: 'DESC' }, 2)).toEqual(expected);
      expect(await walk(store, wanted, { field: 'SUBMITTED_AT', direction: 'ASC' }, 2)).toEqual(expected.toReversed());
      expect(await store.jobs.count(wanted)).toBe(3);
    },
  );

  it('lets others have their turn while it is looked through and counted', async () => {
    const wanted = { ...LISTED, search: 'zy' };
    const page = () => store.jobs.page(wanted, NEWEST_FIRST, { limit: 50, backwards: false, from: null });
    expect(await turnsDuring(page)).toBeGreaterThanOrEqual(2);
    expect(await turnsDuring(() => store.jobs.count(wanted))).toBeGreaterThanOrEqual(1);
    expect(await store.jobs.count(wanted)).toBe(0);
  });
});

describe('a long list of jobs that started and ended', () => {
  const minute = (minutes: number) => new Date(Date.UTC(2026, 0, 1) + minutes * 60_000);
  let store: Store;
  let jobs: readonly Job[];
  beforeAll(async () => {
    store = await Store.open(':memory:');
    // Neither starts nor ends are in the order of the submissions.
    jobs = Array.from({ length: 8000 }, (_, index) =>
      aJob({
        submittedAt: minute(index),
        isArchived: index % 5 === 0,
        startedAt: index % 11 === 0 ? null : minute(10_000 + ((index * 7919) % 8000)),
        endedAt: index % 11 < 2 ? null : minute(20_000 + ((index * 4999) % 8000)),
        exitCode: index % 11 < 2 ? null : index % 997 === 0 ? 1 : 0,
      }),
    );
    await insertJobs(store, jobs);
  });
  afterAll(() => store.close());

  it.each<Partial<JobFilter>>([
    { startedAfter: minute(17_950) },
    { startedAfter: minute(10_100), startedBefore: minute(17_000) },
    { startedBefore: minute(17_000), isArchived: null },
    { endedAfter: minute(20_000) },
    { endedAfter: minute(20_100), endedBefore: minute(20_300), startedAfter: minute(10_050) },
    { exitCodes: [1] },
    { exitCodes: [0], endedBefore: minute(26_000) },
  ])('shows what the filter in memory finds, in every order: %j', async (parts) => {
    const wanted: JobFilter = { ...LISTED, isArchived: false, ...parts };
    const matching = jobs.filter((one) => matchesFilter(one, null, wanted));
    expect(matching.length).toBeGreaterThan(5);
    const key = {
      SUBMITTED_AT: (one: Job) => one.submittedAt.getTime(),
      STARTED_AT: (one: Job) => one.startedAt?.getTime() ?? NOT_YET,
      ENDED_AT: (one: Job) => one.endedAt?.getTime() ?? NOT_YET,
      // All have the same.
      NAME: () => 0,
    };
    for (const field of ['SUBMITTED_AT', 'STARTED_AT', 'ENDED_AT', 'NAME'] as const) {
      // Those of one time stand in the order in which they were recorded.
      const rising = matching.toSorted((left, right) => key[field](left) - key[field](right)).map(({ id }) => id);
      expect(await walk(store, wanted, { field, direction: 'ASC' }, 700)).toEqual(rising);
      expect(await walk(store, wanted, { field, direction: 'DESC' }, 700, true)).toEqual(rising.toReversed());
    }
    expect(await store.jobs.count(wanted)).toBe(matching.length);
  });
});

describe('a page', () => {
  const COMMAND = 'x'.repeat(10_000);
  const FOUND = 1_000;

  it.each<[string, Partial<JobFilter>]>([
    ['a filter', { clusters: ['alpha'] }],
    ['a time', { submittedAfter: new Date(Date.UTC(2026, 0, 1)) }],
    ['words', { search: 'resnet' }],
    ['ids', {}],
  ])('reads the long texts of no others, where %s finds some jobs', async (_what, asked) => {
    using work = new DatabaseWork();
    const store = await Store.open(':memory:');
    const jobs = Array.from({ length: FOUND }, () => aJob({ name: 'resnet', command: COMMAND, startedAt: new Date() }));
    await insertJobs(store, jobs);
    const ids = Object.keys(asked).length === 0 ? jobs.map(({ id }) => id) : null;
    for (const field of JOB_ORDER_FIELDS) {
      work.characters = 0;
      const page = await store.jobs.page(
        { ...LISTED, ids, ...asked },
        { field, direction: 'ASC' },
        { limit: 2, backwards: false, from: null },
      );
      expect(page.rows).toHaveLength(2);
      expect(work.characters, field).toBeLessThan((FOUND * COMMAND.length) / 10);
    }
    await store.close();
  });
});
