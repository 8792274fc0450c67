import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { aJob, aProject, EVERY_JOB } from '../domain/testing.ts';
import { TURNS } from '../turns/index.ts';
import { Store } from './index.ts';
import { insertJobs } from './testing.ts';

const JOBS = 1500;
const READS = 40;
/** What each statement takes, by a clock that nothing else moves. */
const STATEMENT_MS = 5;
const EDGE = { limit: 50, backwards: false, from: null };

const array = aJob({ command: 'python train.py' });
const jobs = Array.from({ length: JOBS }, (_, index) =>
  aJob({
    command: `python train.py --seed ${index}`,
    arrayParentId: index % 3 === 0 ? array.id : null,
    arrayTaskId: index,
  }),
);
const ids = jobs.map(({ id }) => id);

let directory: string;
const prepare = SqliteDatabase.prototype.prepare;
let now = 0;
let statements = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-turns-'));
  const store = await Store.open(join(directory, 'slurmql.db'));
  for (let index = 0; index < 20; index += 1) await store.projects.save(aProject({ name: `train ${index}` }));
  await insertJobs(store, [array, ...jobs]);
  await store.close();
});
afterAll(() => rm(directory, { recursive: true }));

beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  SqliteDatabase.prototype.prepare = function (this: SqliteDatabase.Database, text: string) {
    const statement: SqliteDatabase.Statement<unknown[]> = prepare.call(this, text);
    const all = statement.all.bind(statement);
    statement.all = (...values) => {
      now += STATEMENT_MS;
      statements += 1;
      return all(...values);
    };
    return statement as never;
  };
});
afterEach(() => {
  SqliteDatabase.prototype.prepare = prepare;
  vi.restoreAllMocks();
});

/** How long the event loop was held at most. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isOver = false;
  const lasting = work().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const began = now;
    await new Promise(setImmediate);
    longest = Math.max(longest, now - began);
  }
  await lasting;
  return longest;
}

/** Each `at` asks for something else, so that none is answered by what another one has read. */
const READ: Readonly<Record<string, (store: Store, at: number) => Promise<unknown>>> = {
  'counts with the tasks of arrays': ({ jobs }, at) => jobs.count({ ...EVERY_JOB, search: `x${at} zz` }),
  'counts by the index of words': ({ jobs }, at) =>
    jobs.count({ ...EVERY_JOB, includeArrayTasks: false, search: `train seed ${at}` }),
  'counts by an index': ({ jobs }, at) =>
    jobs.count({ ...EVERY_JOB, includeArrayTasks: false, clusters: ['alpha', `${at}`] }),
  'counts of chosen jobs': ({ jobs }, at) => jobs.count({ ...EVERY_JOB, ids: ids.slice(at) }),
  'pages of a search': ({ jobs }, at) =>
    jobs.page({ ...EVERY_JOB, search: `seed ${at}` }, { field: 'SUBMITTED_AT', direction: 'DESC' }, EDGE),
  'pages in another order': ({ jobs }) => jobs.page(EVERY_JOB, { field: 'NAME', direction: 'ASC' }, EDGE),
  'jobs by their ids': ({ jobs }, at) => jobs.getMany(ids.slice(at, at + 300)),
  'sums of tasks': ({ jobs }) => jobs.arrays.taskCounts([array.id]),
  'tasks of an array': ({ jobs }) => jobs.tasks(array.id),
  events: ({ events }, at) => events.after(at, 100),
  attempts: ({ jobs }) => jobs.closedAttempts(ids),
  'projects by words': ({ projects }, at) => projects.page(EDGE, `train ${at}`),
};

describe('reads that come together hold the event loop no longer than one turn', () => {
  it.each(Object.entries(READ))('%s', async (_what, read) => {
    const store = await Store.open(join(directory, 'slurmql.db'));
    const all = () => Promise.all(Array.from({ length: READS }, (_, at) => read(store, at)));
    statements = 0;
    // One that begins at once, then those of a turn, of which the last one may be begun at its end.
    expect(await longestHold(all)).toBeLessThanOrEqual(8 + 2 * STATEMENT_MS);
    expect(statements).toBeGreaterThanOrEqual(READS);
    await store.close();
  });

  it('of a database without a second connection, too', async () => {
    const store = await Store.open(':memory:');
    await insertJobs(
      store,
      jobs.slice(0, 500).map((job) => ({ ...job, arrayParentId: null, arrayTaskId: null })),
    );
    const all = () =>
      Promise.all(Array.from({ length: READS }, (_, at) => store.jobs.count({ ...EVERY_JOB, search: `x${at}` })));
    expect(await longestHold(all)).toBeLessThanOrEqual(8 + 2 * STATEMENT_MS);
    await store.close();
  });
});

it('the server itself reads before all accounts, however many read', async () => {
  const store = await Store.open(join(directory, 'slurmql.db'));
  const order: string[] = [];
  const clients = Array.from({ length: READS }, (_, at) =>
    store
      .readFor(() => `account ${at}`)
      .jobs.getMany(ids.slice(at, at + 100))
      .then(() => order.push('client')),
  );
  await new Promise(setImmediate);
  const own = [store.jobs.getMany(ids.slice(0, 100)), store.jobs.tasks(array.id), store.events.newest()];
  const server = own.map((read) => read.then(() => order.push('server')));
  await Promise.all([...clients, ...server]);
  // Some clients were at their last statement.
  expect(order.slice(0, 10).filter((one) => one === 'server')).toHaveLength(3);
  await store.close();
});

it('one account reads in its turn, however much others read', async () => {
  const store = await Store.open(join(directory, 'slurmql.db'));
  const readsOf = (account: string) => store.readBy({ account, statement: (run) => TURNS.run('begun', account, run) });
  const order: string[] = [];
  const busy = Array.from({ length: READS }, (_, at) =>
    readsOf('ada')
      .jobs.count({ ...EVERY_JOB, search: `y${at} zz` })
      .then(() => order.push('ada')),
  );
  await new Promise(setImmediate);
  const others = ['ben', 'eve'].map((account) =>
    readsOf(account)
      .jobs.page(EVERY_JOB, { field: 'SUBMITTED_AT', direction: 'DESC' }, EDGE)
      .then(() => order.push(account)),
  );
  await Promise.all([...busy, ...others]);
  expect(order.slice(0, 2).sort()).toEqual(['ben', 'eve']);
  await store.close();
});
