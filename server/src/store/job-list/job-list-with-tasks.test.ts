import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../domain/job.ts';
import { JOB_ORDER_FIELDS, type JobFilter, type JobOrder, matchesFilter } from '../../domain/job-filter.ts';
import { aJob, EVERY_JOB } from '../../domain/testing.ts';
import { Store } from '../index.ts';
import { insertJobs, turnsDuring } from '../testing.ts';
import { writesOf } from '../writes.ts';

const minute = (minutes: number) => new Date(Date.UTC(2024, 0, 1) + minutes * 60_000);
const TASKS = 20_000;
const NOT_YET = Number.MAX_SAFE_INTEGER;

const partsOfTask = (array?: Job) => ({ name: array?.name ?? '', arrayParentId: array?.id ?? null });

let store: Store;
let jobs: readonly Job[];
beforeAll(async () => {
  store = await Store.open(':memory:');
  // A task has the name of its array.
  const arrays = Array.from({ length: 7 }, (_, index) => aJob({ name: `sweep ${index}`, submittedAt: minute(5) }));
  // Many at a time, in no order of starts and ends.
  const tasks = Array.from({ length: TASKS }, (_, index) =>
    aJob({
      // Most are of the first.
      ...partsOfTask(arrays[index % 50] ?? arrays[0]),
      arrayTaskId: index,
      submittedAt: minute(Math.floor(index / 30)),
      startedAt: index % 11 === 0 ? null : minute(10_000 + ((index * 7919) % 8000)),
      endedAt: index % 11 < 2 ? null : minute(20_000 + ((index * 4999) % 8000)),
      state: index % 997 === 0 ? 'FAILED' : 'COMPLETED',
    }),
  );
  jobs = [...arrays, ...tasks];
  await insertJobs(store, jobs);
});
afterAll(() => store.close());

const KEYS: Readonly<Record<JobOrder['field'], (job: Job) => string | number>> = {
  SUBMITTED_AT: ({ submittedAt }) => submittedAt.getTime(),
  STARTED_AT: ({ startedAt }) => startedAt?.getTime() ?? NOT_YET,
  ENDED_AT: ({ endedAt }) => endedAt?.getTime() ?? NOT_YET,
  NAME: ({ name }) => name,
  STATE: ({ state }) => state,
  ELAPSED: ({ startedAt, endedAt }) =>
    startedAt === null ? -1 : (endedAt?.getTime() ?? NOT_YET) - startedAt.getTime(),
};

function inOrder(filter: JobFilter, { field, direction }: JobOrder): string[] {
  const keyed = jobs
    .filter((job) => matchesFilter(job, null, filter))
    .map((job) => ({ id: job.id, key: KEYS[field](job) }));
  keyed.sort((left, right) => {
    if (left.key !== right.key) return left.key < right.key ? -1 : 1;
    return left.id < right.id ? -1 : 1;
  });
  const ids = keyed.map(({ id }) => id);
  return direction === 'ASC' ? ids : ids.reverse();
}

async function walk(filter: JobFilter, order: JobOrder, limit: number, backwards: boolean, pages: number) {
  const found: string[] = [];
  let from: string | null = null;
  for (let count = 0; count < pages; count += 1) {
    const page: Awaited<ReturnType<typeof store.jobs.page>> = await store.jobs.page(filter, order, {
      limit,
      backwards,
      from,
    });
    const ids = page.rows.map(({ row }) => row.id);
    found.push(...(backwards ? ids.reverse() : ids));
    from = (backwards ? page.rows[0] : page.rows.at(-1))?.cursor ?? null;
    if (!page.hasMore) break;
  }
  return found;
}

describe('a list with the tasks of arrays', () => {
  const FILTERS: readonly Partial<JobFilter>[] = [
    {},
    { states: ['FAILED'] },
    { submittedAfter: minute(100), submittedBefore: minute(300) },
    { search: 'sweep 3', endedAfter: minute(21_000) },
    { states: [] },
  ];
  it.each(FILTERS)('shows what the filter in memory finds, in every order, both ways: %j', async (parts) => {
    const filter = { ...EVERY_JOB, ...parts };
    for (const field of JOB_ORDER_FIELDS) {
      for (const direction of ['ASC', 'DESC'] as const) {
        const expected = inOrder(filter, { field, direction });
        expect(await walk(filter, { field, direction }, 1700, false, 2)).toEqual(expected.slice(0, 3400));
        expect(await walk(filter, { field, direction }, 1700, true, 2)).toEqual(expected.reverse().slice(0, 3400));
      }
    }
    expect(await store.jobs.count(filter)).toBe(inOrder(filter, { field: 'NAME', direction: 'ASC' }).length);
  });

  it('shows the jobs and tasks that are named by their ids, in every order, both ways', async () => {
    const ids = jobs.filter((_, index) => index % 300 === 0).map(({ id }) => id);
    for (const parts of [{}, { states: ['FAILED'] as const }, { search: 'sweep 3' }]) {
      const filter: JobFilter = { ...EVERY_JOB, ids: [...ids, 'none', ...ids.slice(0, 5)], ...parts };
      for (const field of JOB_ORDER_FIELDS) {
        const expected = inOrder(filter, { field, direction: 'ASC' });
        expect(await walk(filter, { field, direction: 'ASC' }, 40, false, 2)).toEqual(expected);
        expect(await walk(filter, { field, direction: 'ASC' }, 40, true, 2)).toEqual(expected.toReversed());
        expect(await store.jobs.count(filter)).toBe(expected.length);
      }
    }
    // The array is one of them.
    expect(await store.jobs.count({ ...EVERY_JOB, ids, includeArrayTasks: false })).toBe(1);
  });

  const turns = TASKS / 4000;
  it.each(JOB_ORDER_FIELDS)('lets others have their turn while few are sought among many, by %s', async (field) => {
    const filter: JobFilter = { ...EVERY_JOB, states: ['FAILED'], search: 'zy' };
    const page = () =>
      store.jobs.page(filter, { field, direction: 'DESC' }, { limit: 50, backwards: false, from: null });
    expect(await turnsDuring(page)).toBeGreaterThanOrEqual(turns);
  });

  it.each<Partial<JobFilter>>([{}, { states: ['FAILED'] }, { search: 'zy' }])(
    'lets others have their turn while %j is counted',
    async (parts) => {
      // Within a transaction nothing is remembered of earlier counts.
      const count = () => writesOf(store).transaction((queries) => queries.jobs.count({ ...EVERY_JOB, ...parts }));
      expect(await turnsDuring(count)).toBeGreaterThanOrEqual(turns);
    },
  );

  it('lets others have their turn while the tasks of an array are read, summed up and counted by state', async () => {
    const [array] = jobs;
    const id = array?.id ?? '';
    expect(await turnsDuring(() => store.jobs.tasks(id))).toBeGreaterThanOrEqual(turns);
    expect(await turnsDuring(() => store.jobs.arrays.summary(id))).toBeGreaterThanOrEqual(turns);
    expect(await turnsDuring(() => store.jobs.arrays.taskCounts([id]))).toBeGreaterThanOrEqual(turns);
    const tasks = jobs.filter(({ arrayParentId }) => arrayParentId === id);
    const failed = tasks.filter(({ state }) => state === 'FAILED').length;
    const counts = [
      { state: 'COMPLETED', count: tasks.length - failed },
      { state: 'FAILED', count: failed },
    ];
    expect((await store.jobs.arrays.taskCounts([id])).get(id)).toEqual(counts);
    expect(await store.jobs.arrays.summary(id)).toMatchObject({ counts, startedAt: minute(10_000) });
  });

  it('is read no further than its page is full', async () => {
    const filter = { ...EVERY_JOB };
    const page = () =>
      store.jobs.page(
        filter,
        { field: 'SUBMITTED_AT', direction: 'DESC' },
        { limit: 50, backwards: false, from: null },
      );
    expect(await turnsDuring(page)).toBeLessThanOrEqual(2);
  });
});
