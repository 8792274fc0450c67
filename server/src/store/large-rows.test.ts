import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { JobAttempt } from '../domain/attempt.ts';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import type { JobOrder } from '../domain/job-filter.ts';
import { aJob, aProject, EVERY_JOB, NO_SUBMISSION } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { Store } from './index.ts';
import { DatabaseWork, insertJobs, turnsDuring } from './testing.ts';
import { writesOf } from './writes.ts';

/** Longer than any that is written today. */
const LONG = 'n'.repeat(1024 ** 2);
const WIDE: Partial<Job> = {
  nodeList: LONG,
  components: [{ ...unseenComponent(0), nodeList: LONG }],
};
const FIRST = { limit: 500, backwards: false, from: null };

let databaseWork: DatabaseWork;
let store: Store;
beforeEach(async () => {
  databaseWork = new DatabaseWork();
  store = await Store.open(':memory:');
});
afterEach(async () => {
  await store.close();
  databaseWork[Symbol.dispose]();
});

async function create(count: number, parts: Partial<Job> = {}): Promise<readonly string[]> {
  const jobs = Array.from({ length: count }, () => aJob(parts));
  await insertJobs(store, jobs);
  return jobs.map(({ id }) => id);
}

describe('attempts that are over', () => {
  const attempt = (number: number, parts: Partial<JobAttempt> = {}): JobAttempt => ({
    ...{ number, outcome: 'REQUEUED', exitCode: null, signal: null },
    ...{ startedAt: new Date(number * 1000), endedAt: null, nodeList: 'n1', ...parts },
  });
  const attempts = (count: number, parts: Partial<JobAttempt> = {}) =>
    Array.from({ length: count }, (_, index) => attempt(index + 1, parts));
  const save = (ids: readonly string[], each: readonly JobAttempt[]) =>
    writesOf(store).transaction(async ({ jobWriter }) => {
      for (const id of ids) await jobWriter.saveAttempts(id, each);
    });

  it('are written and read some at a time, and all of them', async () => {
    const ids = await create(5);
    const each = attempts(700);
    expect(await databaseWork.mostInATurn(() => save(ids, each))).toBeLessThan(250);
    let read = new Map<string, JobAttempt[]>();
    const most = await databaseWork.mostInATurn(async () => {
      read = await store.jobs.closedAttempts(ids.toReversed());
    });
    expect(most).toBeLessThan(250);
    expect(read).toEqual(new Map(ids.map((id) => [id, each])));
  });

  it.each([1, 199, 200, 201, 400])('are read to the last one, beside those of other jobs: %i', async (count) => {
    const ids = await create(3);
    const [first = '', none = '', last = ''] = ids;
    await save([first, last], attempts(count));
    expect(await store.jobs.closedAttempts([...ids, 'unknown'])).toEqual(
      new Map([first, last].map((id) => [id, attempts(count)])),
    );
    expect(await store.jobs.closedAttempts([none])).toEqual(new Map());
  });

  it('are no longer read once they are too many', async () => {
    const ids = await create(5);
    await save(ids, attempts(300));
    let read = 0;
    const reading = store.jobs.closedAttempts(ids, (some) => {
      read += some.length;
      if (read > 500) throw new Error('enough');
    });
    await expect(reading).rejects.toThrow('enough');
    expect(read).toBeLessThan(1000);
  });

  it('are completed by what is told later, and keep what is not', async () => {
    const [id = ''] = await create(1);
    await save([id], [attempt(1, { outcome: null }), attempt(2)]);
    const later = {
      outcome: 'FAILED',
      exitCode: 3,
      signal: 9,
      endedAt: new Date(9000),
      startedAt: null,
      nodeList: null,
    };
    await save([id], attempts(2, later));
    const { startedAt, nodeList } = attempt(1);
    expect((await store.jobs.closedAttempts([id])).get(id)).toEqual([
      attempt(1, { ...later, startedAt, nodeList }),
      attempt(2),
    ]);
  });

  it('tell when a job first started, without being read', async () => {
    const [id = '', never = '', once = ''] = await create(3);
    await save([id], [attempt(1, { startedAt: null }), attempt(2), attempt(3)]);
    await save([never], attempts(2, { startedAt: null }));
    expect(await store.jobs.firstStarts([id, never, once])).toEqual(new Map([[id, new Date(2000)]]));
  });
});

describe('jobs with long texts', () => {
  const JOBS = 30;
  /** Each has 2 MiB, of which four fit into one statement. */
  const LEAST_TURNS = 10;
  const order: JobOrder = { field: 'SUBMITTED_AT', direction: 'DESC' };

  it.each<[string, (ids: readonly string[], onRead?: (jobs: readonly Job[]) => void) => Promise<unknown>]>([
    ['by their ids', (ids, onRead) => store.jobs.getMany(ids, onRead)],
    ['of a list', (_ids, onRead) => store.jobs.page({ ...EVERY_JOB, includeArrayTasks: false }, order, FIRST, onRead)],
    ['of a list with tasks', (_ids, onRead) => store.jobs.page(EVERY_JOB, order, FIRST, onRead)],
  ])('%s are read few at a time, and no further than they are counted', async (_what, read) => {
    const ids = await create(JOBS, WIDE);
    expect(await turnsDuring(() => read(ids))).toBeGreaterThanOrEqual(LEAST_TURNS);
    let count = 0;
    const reading = read(ids, (jobs) => {
      count += jobs.length;
      throw new Error('enough');
    });
    await expect(reading).rejects.toThrow('enough');
    expect(count).toBeLessThan(JOBS / 2);
  });

  it('of an array are read few at a time', async () => {
    const [array = ''] = await create(1);
    const tasks = Array.from({ length: JOBS }, (_, arrayTaskId) =>
      aJob({ ...WIDE, arrayParentId: array, arrayTaskId }),
    );
    await insertJobs(store, tasks);
    expect(await turnsDuring(() => store.jobs.tasksPage(array, FIRST))).toBeGreaterThanOrEqual(LEAST_TURNS);
    const page = await store.jobs.tasksPage(array, FIRST);
    expect(page.rows.map(({ row }) => row.arrayTaskId)).toEqual(tasks.map(({ arrayTaskId }) => arrayTaskId));
  });

  it('are not read to be sorted', async () => {
    await create(JOBS, { ...WIDE, state: 'FAILED' });
    const failed = { ...EVERY_JOB, includeArrayTasks: false, states: ['FAILED'] } as const;
    let read = 0;
    await store.jobs.page(failed, { field: 'NAME', direction: 'ASC' }, { ...FIRST, limit: 2 }, (jobs) => {
      read += jobs.length;
    });
    expect(read).toBe(2);
    const page = () => store.jobs.page(failed, { field: 'NAME', direction: 'ASC' }, { ...FIRST, limit: 2 });
    expect(await turnsDuring(page)).toBeLessThan(LEAST_TURNS);
  });
});

it('long lists of submissions are made of their JSON few at a time', async () => {
  const jobs = Array.from({ length: 10 }, () => aJob());
  const submission = { ...NO_SUBMISSION, extraOptions: Array.from({ length: 20_000 }, (_, at) => `--comment=${at}--`) };
  await insertJobs(store, jobs, { submission });
  const ids = jobs.map(({ id }) => id);
  expect(await turnsDuring(() => store.jobs.submissions.getMany(ids))).toBeGreaterThan(3);
  expect(await store.jobs.submissions.getMany(ids)).toEqual(new Map(ids.map((id) => [id, submission])));
});

describe('the timeline of a job', () => {
  const EVENTS = 250;
  const tagsOf = (at: number) => Array.from({ length: 32 }, (_, tag) => `${'t'.repeat(60)}${tag}-${at % 9}`);
  async function timeline(): Promise<string> {
    const job = aJob();
    const journal = new Journal(store);
    await journal.start();
    await journal.write(SYSTEM, (writer) => writer.create([{ job, idempotencyKey: null, submission: null }]));
    for (let at = 1; at < EVENTS; at += 1) {
      await journal.write(SYSTEM, (writer) => writer.update(job.id, (before) => ({ ...before, tags: tagsOf(at) })));
    }
    return job.id;
  }

  it('is read without what has changed, some events at a time, and all of them', async () => {
    const id = await timeline();
    databaseWork.characters = 0;
    const events = await store.events.ofJob(id, 0, 500);
    expect(databaseWork.characters).toBeLessThan(EVENTS * 200);
    expect(events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: EVENTS }, (_, at) => at + 1));
    expect(await databaseWork.mostInATurn(() => store.events.ofJob(id, 0, 500))).toBeLessThan(150);
    for (const [after, limit] of [
      [0, 100],
      [0, 101],
      [50, 100],
      [149, 101],
      [249, 10],
      [250, 10],
    ] as const) {
      const part = await store.events.ofJob(id, after, limit);
      expect(part).toEqual(events.slice(after, after + limit));
    }
  });

  it('is read no further than it is counted', async () => {
    const id = await timeline();
    let read = 0;
    const reading = store.events.ofJob(id, 0, 500, (...texts) => {
      read += texts.length;
      throw new Error('enough');
    });
    await expect(reading).rejects.toThrow('enough');
    expect(read).toBeLessThan(EVENTS / 2);
  });

  it('holds no more of what has changed than a follower of all jobs asks for', async () => {
    await timeline();
    expect((await store.events.after(0, 100, { bytes: 20_000 })).length).toBeLessThan(20);
    expect((await store.events.after(0, 100)).length).toBe(100);
  });
});

describe('projects with long texts', () => {
  const PROJECTS = 30;
  const DIRECTIONS = [{ backwards: false }, { backwards: true }];
  beforeEach(async () => {
    for (let at = 0; at < PROJECTS; at += 1) {
      await store.projects.save(aProject({ name: `project ${at}`, path: `/${at}`, prologue: LONG }));
    }
  });
  const ids = async () => (await store.projects.page(FIRST, null)).rows.map(({ row }) => row.id);

  it.each(DIRECTIONS)('are read few at a time, and no further than they are counted: %j', async (direction) => {
    for (const search of [null, 'project']) {
      const page = (onRead?: () => void) => store.projects.page({ ...FIRST, ...direction }, search, onRead);
      expect(await turnsDuring(() => page())).toBeGreaterThanOrEqual(PROJECTS / 2);
      let read = 0;
      const reading = page(() => {
        read += 1;
        throw new Error('enough');
      });
      await expect(reading).rejects.toThrow('enough');
      expect(read).toBe(1);
    }
  });

  it('are read few at a time by their ids', async () => {
    const known = await ids();
    expect(known.length).toBe(PROJECTS);
    expect(await turnsDuring(() => store.projects.getMany(known))).toBeGreaterThanOrEqual(PROJECTS / 2);
    const found = await store.projects.getMany(['none', ...known.toReversed()]);
    expect(found.map((project) => project?.id ?? null)).toEqual([null, ...known.toReversed()]);
  });
});
