import { afterEach, beforeEach, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { UNWATCHED } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import { insertJobs } from '../store/testing.ts';
import { archiveJobs } from './archive-jobs.ts';
import type { ActionContext } from './context.ts';

const ADA = { user: { id: 'ada', name: 'Ada', role: 'MEMBER' }, via: 'TOKEN' } as const;
const TASKS = 2000;
let store: Store;
let context: ActionContext;
let array: Job;
let other: Job;

beforeEach(async () => {
  store = await Store.open(':memory:');
  const journal = new Journal(store);
  await journal.start();
  context = {
    ...{ reads: store, store, journal },
    ...{ clusters: {} as never, staging: {} as never, repositories: UNWATCHED },
  };
  array = aJob({ state: 'COMPLETED', resources: { ...NO_RESOURCES, array: `0-${TASKS - 1}` } });
  other = aJob({ state: 'RUNNING' });
  const tasks = Array.from({ length: TASKS }, (_, index) =>
    aJob({ state: 'COMPLETED', arrayParentId: array.id, arrayTaskId: index }),
  );
  await insertJobs(store, [array, other, ...tasks]);
});
afterEach(() => store.close());

const archived = async () => (await store.jobs.tasks(array.id)).filter(({ isArchived }) => isArchived).length;

it('an array takes all its tasks along, there and back', async () => {
  for (const isArchived of [true, false]) {
    expect(await archiveJobs(context, ADA, [array.id], isArchived)).toMatchObject([
      { ok: true, value: { isArchived } },
    ]);
    expect(await archived()).toBe(isArchived ? TASKS : 0);
  }
});

it('the tasks of an array are archived in several transactions, and others write in between', async () => {
  const asked = archiveJobs(context, ADA, [array.id], true);
  await context.journal.write(SYSTEM, (writer) => writer.update(other.id, (job) => ({ ...job, reason: 'Priority' })));
  const { newest } = context.journal;
  await asked;
  expect(context.journal.newest).toBeGreaterThan(newest + TASKS / 2);
  expect(await archived()).toBe(TASKS);
});
