import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Job } from '../domain/job.ts';
import { JOB_ORDER_FIELDS, type JobOrder } from '../domain/job-filter.ts';
import { JOB_STATES } from '../domain/job-state.ts';
import { aJob, aProject, EVERY_JOB } from '../domain/testing.ts';
import { CursorError, Store } from './index.ts';
import { insertJobs } from './testing.ts';

const NOW = new Date('2026-11-24T12:00:00Z');
const ORDERS: readonly JobOrder[] = JOB_ORDER_FIELDS.flatMap((field) =>
  (['ASC', 'DESC'] as const).map((direction) => ({ field, direction })),
);

// Few values, so that most of them occur several times.
const instant = fc.integer({ min: 0, max: 4 }).map((minutes) => new Date(NOW.getTime() - minutes * 60_000));
const job: fc.Arbitrary<Job> = fc
  .record({
    name: fc.constantFrom('a', 'b', 'Ä', '', '"quoted"', '🐧'),
    state: fc.constantFrom(...JOB_STATES),
    submittedAt: instant,
    startedAt: fc.option(instant),
    endedAt: fc.option(instant),
  })
  .map((parts) => aJob(parts));

let store: Store;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  store = await Store.open(':memory:');
});
afterEach(async () => {
  vi.useRealTimers();
  await store.close();
});

const insert = (jobs: readonly Job[]) => insertJobs(store, jobs);

interface Walk {
  readonly limit: number;
  readonly backwards: boolean;
  /** Between two pages. */
  readonly meanwhile?: (page: number) => Promise<void>;
}

/** Every id in the order in which the pages show them, the first page first. */
async function walk(order: JobOrder, { limit, backwards, meanwhile }: Walk): Promise<string[]> {
  const pages: string[][] = [];
  let from: string | null = null;
  for (;;) {
    const page: Awaited<ReturnType<typeof store.jobs.page>> = await store.jobs.page(EVERY_JOB, order, {
      limit,
      backwards,
      from,
    });
    pages.push(page.rows.map(({ row }) => row.id));
    if (!page.hasMore) break;
    const edge = backwards ? page.rows[0] : page.rows.at(-1);
    if (edge === undefined) throw new Error('a page has more behind it and no rows');
    from = edge.cursor;
    await meanwhile?.(pages.length);
  }
  return (backwards ? pages.reverse() : pages).flat();
}

describe('the pages of a list', () => {
  it('cover every row once, in order, forwards and backwards, under every order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(job, { maxLength: 25 }),
        fc.constantFrom(...ORDERS),
        fc.integer({ min: 1, max: 7 }),
        async (jobs, order, limit) => {
          await store.close();
          store = await Store.open(':memory:');
          await insert(jobs);
          const whole = await walk(order, { limit: 1000, backwards: false });
          expect([...whole].sort()).toEqual(jobs.map(({ id }) => id).sort());
          expect(await walk(order, { limit, backwards: false })).toEqual(whole);
          expect(await walk(order, { limit, backwards: true })).toEqual(whole);
          const reversed: JobOrder = { field: order.field, direction: order.direction === 'ASC' ? 'DESC' : 'ASC' };
          expect(await walk(reversed, { limit, backwards: false })).toEqual([...whole].reverse());
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(ORDERS)('cover every row that was there once while others arrive, by $field $direction', async (order) => {
    const jobs = fc.sample(job, { numRuns: 23, seed: 7 });
    const arriving = fc.sample(job, { numRuns: 40, seed: 8 });
    await insert(jobs);
    for (const backwards of [false, true]) {
      const seen = await walk(order, {
        limit: 4,
        backwards,
        meanwhile: async () => {
          await insert(arriving.splice(0, 2));
        },
      });
      expect(new Set(seen).size).toBe(seen.length);
      expect(jobs.filter(({ id }) => !seen.includes(id))).toEqual([]);
    }
  });

  it.each(['ASC', 'DESC'] as const)(
    'cover every row once by the time that jobs have run, while the time goes on, %s',
    async (direction) => {
      const minutesAgo = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
      // Running jobs grow older from page to page, and the others don't.
      const jobs = Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0
          ? aJob({ state: 'RUNNING', startedAt: minutesAgo(index + 1) })
          : aJob({ state: 'COMPLETED', startedAt: minutesAgo(index + 1), endedAt: NOW }),
      );
      await insert(jobs);
      for (const backwards of [false, true]) {
        vi.setSystemTime(NOW);
        const seen = await walk(
          { field: 'ELAPSED', direction },
          {
            limit: 3,
            backwards,
            meanwhile: async () => {
              vi.setSystemTime(Date.now() + 90_000);
            },
          },
        );
        expect([...seen].sort()).toEqual(jobs.map(({ id }) => id).sort());
      }
    },
  );

  it('put what has not started or ended with the newest', async () => {
    const started = aJob({ startedAt: NOW, state: 'RUNNING' });
    const waiting = aJob();
    await insert([started, waiting]);
    expect(await walk({ field: 'STARTED_AT', direction: 'DESC' }, { limit: 1, backwards: false })).toEqual([
      waiting.id,
      started.id,
    ]);
  });

  it('know whether there is more beyond them, and are empty past the end', async () => {
    const [one, two] = [aJob(), aJob()];
    await insert([one, two]);
    const order: JobOrder = { field: 'SUBMITTED_AT', direction: 'ASC' };
    const first = await store.jobs.page(EVERY_JOB, order, { limit: 2, backwards: false, from: null });
    expect(first.hasMore).toBe(false);
    const last = first.rows.at(-1)?.cursor ?? '';
    expect(await store.jobs.page(EVERY_JOB, order, { limit: 2, backwards: false, from: last })).toEqual({
      rows: [],
      hasMore: false,
    });
    const before = await store.jobs.page(EVERY_JOB, order, { limit: 1, backwards: true, from: last });
    expect(before.rows.map(({ row }) => row.id)).toEqual([one.id]);
  });

  it('of tasks go by their index', async () => {
    const array = aJob();
    const tasks = [10, 2, 0, 1].map((arrayTaskId) => aJob({ arrayParentId: array.id, arrayTaskId }));
    await insert([array, ...tasks]);
    const first = await store.jobs.tasksPage(array.id, { limit: 3, backwards: false, from: null });
    expect(first.rows.map(({ row }) => row.arrayTaskId)).toEqual([0, 1, 2]);
    const rest = await store.jobs.tasksPage(array.id, {
      limit: 3,
      backwards: false,
      from: first.rows.at(-1)?.cursor ?? null,
    });
    expect(rest.rows.map(({ row }) => row.arrayTaskId)).toEqual([10]);
  });

  it('of projects go by name', async () => {
    for (const name of ['c', 'a', 'b']) await store.projects.save(aProject({ name }));
    const first = await store.projects.page({ limit: 2, backwards: false, from: null }, null);
    expect(first.rows.map(({ row }) => row.name)).toEqual(['a', 'b']);
    const from = first.rows.at(-1)?.cursor ?? null;
    expect(
      (await store.projects.page({ limit: 2, backwards: false, from }, null)).rows.map(({ row }) => row.name),
    ).toEqual(['c']);
  });
});

describe('a cursor', () => {
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const page = (order: JobOrder, from: string) =>
    store.jobs.page(EVERY_JOB, order, { limit: 2, backwards: false, from });
  const byTime: JobOrder = { field: 'SUBMITTED_AT', direction: 'ASC' };

  it.each([
    '',
    'x',
    '!!!',
    Buffer.from('{}').toString('base64url'),
    base64([]),
    base64([1]),
    base64([1, 'a', 'b']),
    base64([null, 'a']),
    base64([[1], 'a']),
    base64([{}, 'a']),
    base64([true, 'a']),
    base64('text'),
    base64(null),
  ])('%j is none and is refused', async (cursor) => {
    await expect(page(byTime, cursor)).rejects.toThrow(CursorError);
  });

  it('of another order is refused, since it would lead to an arbitrary place', async () => {
    await insert([aJob({ name: 'a' }), aJob({ name: 'b' }), aJob({ name: 'c' })]);
    const byName = await store.jobs.page(
      EVERY_JOB,
      { field: 'NAME', direction: 'ASC' },
      { limit: 1, backwards: false, from: null },
    );
    const cursor = byName.rows[0]?.cursor ?? '';
    await expect(page(byTime, cursor)).rejects.toThrow(CursorError);
  });

  it('is safe whatever is in it', async () => {
    await insert([aJob()]);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json().map((text) => Buffer.from(text).toString('base64url')),
        ),
        async (text) => {
          const outcome = await page(byTime, text).then(
            () => 'page',
            (cause: unknown) => cause,
          );
          expect(outcome === 'page' || outcome instanceof CursorError).toBe(true);
        },
      ),
    );
  });
});
