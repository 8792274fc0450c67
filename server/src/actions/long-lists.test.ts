import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { aJob, aProject } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { UNWATCHED } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import { DatabaseWork, insertJobs } from '../store/testing.ts';
import { archiveJobs } from './archive-jobs.ts';
import { cancelJob, cancelJobs } from './cancel-job.ts';
import type { ActionContext } from './context.ts';
import { holdJobs, releaseJobs, requeueJob } from './control-job.ts';
import { removeProject } from './projects.ts';

/** A part of an array with its events, or some jobs; an array of a thousand tasks is more. */
const MOST_ROWS = 1500;
const TASKS = 2500;

let databaseWork: DatabaseWork;
let store: Store;
let context: ActionContext;
/** The numbers that the cluster was asked to cancel. */
let cancelled: string[];
/** The cluster is busy with other requests. */
let isBusy: boolean;

beforeEach(async () => {
  databaseWork = new DatabaseWork();
  store = await Store.open(':memory:');
  const journal = new Journal(store);
  await journal.start();
  cancelled = [];
  isBusy = false;
  const alpha = {
    jobs: {
      inTurn: async (work: () => Promise<void>) => (isBusy ? undefined : work()),
      cancel: async (jobs: readonly Job[]) =>
        void cancelled.push(...jobs.flatMap(({ slurmJobId }) => slurmJobId ?? [])),
      look: async () => ({ at: () => undefined }),
    },
    health: { message: null },
  };
  context = {
    reads: store,
    store,
    journal,
    clusters: { get: () => alpha } as never,
    staging: { remove: async () => undefined } as never,
    repositories: UNWATCHED,
  };
});
afterEach(async () => {
  await store.close();
  databaseWork[Symbol.dispose]();
});

async function create(...jobs: readonly Job[]): Promise<readonly string[]> {
  await insertJobs(store, jobs);
  return jobs.map(({ id }) => id);
}

/** With as many tasks. Gives its id. */
async function anArray(tasks: number, parts: Partial<Job> = {}): Promise<string> {
  const array = aJob({ workDir: '/w', ...parts, resources: { ...aJob().resources, array: `0-${tasks - 1}` } });
  const ofIt = Array.from({ length: tasks }, (_, index) =>
    aJob({ ...parts, workDir: '/w', arrayParentId: array.id, arrayTaskId: index, slurmJobId: `1234_${index}` }),
  );
  await create(array, ...ofIt);
  return array.id;
}

const plain = (count: number, parts: Partial<Job> = {}) =>
  create(...Array.from({ length: count }, () => aJob({ workDir: '/w', ...parts })));

describe('whatever a request names, others have their turn', () => {
  const turn = (work: () => Promise<unknown>) => databaseWork.mostInATurn(work);

  it('while an array is archived with its tasks, and comes back', async () => {
    const id = await anArray(TASKS, { state: 'COMPLETED' });
    for (const isArchived of [true, false]) {
      expect(await turn(() => archiveJobs(context, SYSTEM, [id], isArchived))).toBeLessThan(MOST_ROWS);
      const all = [await store.jobs.get(id), ...(await store.jobs.tasks(id))];
      expect(all).toHaveLength(TASKS + 1);
      expect(all.every((job) => job?.isArchived === isArchived)).toBe(true);
    }
  });

  it('while many arrays are archived, and each is told of once', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 20; count += 1) ids.push(await anArray(150, { state: 'COMPLETED' }));
    const before = context.journal.newest;
    expect(await turn(() => archiveJobs(context, SYSTEM, ids, true))).toBeLessThan(MOST_ROWS);
    expect(context.journal.newest - before).toBe(20 * 151);
  });

  it('while a thousand jobs are archived, each with an outcome of its own', async () => {
    const ids = await plain(999, { state: 'FAILED' });
    let outcomes: Awaited<ReturnType<typeof archiveJobs>> = [];
    const most = await turn(async () => {
      outcomes = await archiveJobs(context, SYSTEM, [...ids, 'none'], true);
    });
    expect(most).toBeLessThan(MOST_ROWS);
    expect(outcomes.map(({ ok }) => ok)).toEqual([...ids.map(() => true), false]);
    expect((await store.jobs.getMany(ids)).every((job) => job?.isArchived)).toBe(true);
  });

  it('while an array is cancelled', async () => {
    const id = await anArray(TASKS, { state: 'RUNNING' });
    expect(await turn(() => cancelJob(context, SYSTEM, id))).toBeLessThan(MOST_ROWS);
    expect((await store.jobs.tasks(id)).every(({ state }) => state === 'CANCELLING')).toBe(true);
    expect(cancelled).toEqual(['1234']);
  });

  it('while a thousand jobs are cancelled, an array and one of its tasks among them', async () => {
    const array = await anArray(700);
    const [task] = await store.jobs.tasks(array);
    const ids = [...(await plain(998)), array, task?.id ?? ''];
    expect(await turn(() => cancelJobs(context, SYSTEM, ids))).toBeLessThan(MOST_ROWS);
    expect((await store.jobs.getMany(ids)).every((job) => job?.state === 'CANCELLING')).toBe(true);
    expect(cancelled).toHaveLength(999);
  });

  it.each([
    ['held', holdJobs],
    ['released', releaseJobs],
  ])('while arrays are %s', async (_what, act) => {
    const ids = [await anArray(TASKS), await anArray(TASKS)];
    expect(await turn(() => act(context, SYSTEM, ids))).toBeLessThan(MOST_ROWS);
  });

  it('while an array is requeued', async () => {
    const id = await anArray(TASKS, { state: 'COMPLETED' });
    expect(await turn(() => requeueJob(context, SYSTEM, id))).toBeLessThan(MOST_ROWS);
  });

  it('while an array is to be requeued by many at once: nobody reads its tasks before it is their turn', async () => {
    const id = await anArray(TASKS, { state: 'COMPLETED' });
    isBusy = true;
    expect(await turn(() => requeueJob(context, SYSTEM, id))).toBeLessThan(20);
  });

  it('while a project of many jobs is removed, and other writes have their turns', async () => {
    const project = aProject();
    await store.projects.save(project);
    const ids = await plain(TASKS, { projectId: project.id });
    let isOver = false;
    const removal = turn(() => removeProject(context, SYSTEM, project.id)).finally(() => {
      isOver = true;
    });
    let written = 0;
    for (; !isOver; await nextTurn()) {
      await context.journal.write(SYSTEM, async () => undefined);
      written += 1;
    }
    // One for each five hundred of its jobs.
    expect(written).toBeGreaterThanOrEqual(TASKS / 500);
    expect(await removal).toBeLessThan(MOST_ROWS);
    expect((await store.jobs.getMany(ids)).every((job) => job?.projectId === null)).toBe(true);
    expect(await store.projects.get(project.id)).toBeNull();
  });
});
