import { beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import { type JobObservation, ownerId } from '../domain/observation.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { type JobReader, Store } from '../store/index.ts';
import { insertJobs } from '../store/testing.ts';
import { Strays } from './strays.ts';
import { anObservation } from './testing.ts';

let store: Store;
let strays: Strays;
/** The jobs and tasks that were read in each look. */
let read: number;
beforeEach(async () => {
  store = await Store.open(':memory:');
  read = 0;
  const counted = (jobs: readonly (Job | null)[]) => {
    read += jobs.length;
    return jobs;
  };
  const reader = {
    getMany: async (ids: readonly string[]) => counted(await store.jobs.getMany(ids)),
    tasksAt: async (id: string, indexes: readonly number[]) => counted(await store.jobs.tasksAt(id, indexes)),
  };
  strays = new Strays('alpha', reader as JobReader);
});

async function anArray(size: number): Promise<Job> {
  const array = aJob({ slurmJobId: '12', state: 'RUNNING', resources: { ...NO_RESOURCES, array: `0-${size - 1}` } });
  const tasks = Array.from({ length: size }, (_, arrayTaskId) =>
    aJob({ state: 'RUNNING', slurmJobId: `12_${arrayTaskId}`, arrayParentId: array.id, arrayTaskId }),
  );
  await insertJobs(store, [array, ...tasks]);
  return array;
}

async function aStoredJob(): Promise<Job> {
  const job = aJob({ slurmJobId: '12', state: 'RUNNING' });
  await insertJobs(store, [job]);
  return job;
}

const shown = (job: Job, slurmJobId: string, parts: Parameters<typeof anObservation>[0] = {}) =>
  anObservation({ ownerId: ownerId(job), slurmJobId, state: 'PENDING', ...parts });

async function found(observations: readonly JobObservation[]): Promise<(string | null)[]> {
  read = 0;
  return (await strays.find({ jobs: observations, tasks: [] })).map(({ job }) => job.slurmJobId);
}

describe('a task of an array that is shown under another number', () => {
  it('is read without the others', async () => {
    const array = await anArray(1000);
    expect(await found([shown(array, '11_7'), shown(array, '11_90')])).toEqual(['12_7', '12_90']);
    expect(read).toBe(3);
  });

  it('is found in its turn among all of its array that are shown so, of which few are read at once', async () => {
    const array = await anArray(1000);
    const all = Array.from({ length: 1000 }, (_, index) => shown(array, `11_${index}`));
    const numbers = new Set<string | null>();
    for (let look = 0; look < 5; look += 1) {
      for (const number of await found(all)) numbers.add(number);
      expect(read).toBeLessThanOrEqual(201);
    }
    expect(numbers.size).toBe(1000);
  });

  it('is found though all of another array are shown so', async () => {
    const [large, small] = [await anArray(1000), await anArray(2)];
    const all = Array.from({ length: 1000 }, (_, index) => shown(large, `11_${index}`));
    const seen = shown(small, '13_1');
    expect((await strays.find({ jobs: [...all, seen], tasks: [] })).map((stray) => stray.seen)).toContain(seen);
  });
});

describe('what runs the script of a job', () => {
  it.each<[string, () => Promise<[Job, string]>]>([
    ['of an array, without being an array', async () => [await anArray(3), '11']],
    ['of an array, as a task that this has not', async () => [await anArray(3), '11_3']],
    ['as an array, which the job is not', async () => [await aStoredJob(), '11_0']],
    ['that is unknown', async () => [aJob({ state: 'RUNNING' }), '11']],
  ])('%s is no stray', async (_what, make) => {
    const [job, slurmJobId] = await make();
    expect(await found([shown(job, slurmJobId)])).toEqual([]);
  });

  it('of an array, without being one, is asked for once', async () => {
    const arrays = await Promise.all(Array.from({ length: 3 }, () => anArray(5)));
    const held = arrays.map((array, index) => shown(array, `${100 + index}`, { state: 'HELD' }));
    await found(held);
    expect(read).toBe(3);
    await found(held);
    expect(read).toBe(0);
  });

  it('named by one of its tasks is no stray of that', async () => {
    const array = await anArray(1);
    const [task] = await store.jobs.tasksAt(array.id, [0]);
    expect(await found([anObservation({ ownerId: task?.id ?? '', slurmJobId: '11' })])).toEqual([]);
  });

  it('is found in its turn where thousands of jobs are shown so, of which few are read at once', async () => {
    const jobs = Array.from({ length: 1000 }, (_, index) => aJob({ state: 'RUNNING', slurmJobId: `${index}` }));
    await insertJobs(store, jobs);
    const all = jobs.map((job, index) => shown(job, `${5000 + index}`));
    const numbers = new Set<string | null>();
    for (let look = 0; look < 5; look += 1) {
      for (const number of await found(all)) numbers.add(number);
      expect(read).toBeLessThanOrEqual(200);
    }
    expect(numbers.size).toBe(1000);
  });
});
