import { beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import { type JobObservation, ownerId } from '../domain/observation.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { DOUBLE_EXIT_CODE } from '../slurm/index.ts';
import { Store } from '../store/index.ts';
import { insertJobs, turnsDuring } from '../store/testing.ts';
import { Doubles } from './doubles.ts';
import { observed } from './observe.ts';
import { anObservation, ToldSlurm } from './testing.ts';

const NOW = new Date('2026-11-24T12:30:00Z');

let slurm: ToldSlurm;
let store: Store;
let doubles: Doubles;
beforeEach(async () => {
  slurm = new ToldSlurm();
  store = await Store.open(':memory:');
  doubles = new Doubles('alpha', slurm.records, store.jobs);
});

/** A job that is stored, and the number of the one that has claimed its directory. */
async function known(parts: Partial<Job>, claimer: string | null): Promise<Job> {
  const job = aJob({ slurmJobId: '12', state: 'RUNNING', ...parts });
  await insertJobs(store, [job]);
  if (claimer !== null) slurm.claims.set(job.workDir ?? '', claimer);
  return job;
}

const look = (jobs: readonly JobObservation[]) => doubles.look({ jobs, tasks: [] });
const stray = (job: Job, parts: Parameters<typeof anObservation>[0] = {}) =>
  anObservation({ ownerId: ownerId(job), slurmJobId: '11', ...parts });

describe('a Slurm job under the name of a known one, with another number,', () => {
  it('that works gives the job its number, and the other one is cancelled', async () => {
    const allocated = { cpus: 4, memoryMb: 1024, gpus: [], timeLimitSeconds: 60 };
    const job = await known({ state: 'HELD', nodeList: 'n1', allocated }, '11');
    const { updates, cancel } = await look([stray(job)]);
    expect(updates.map(({ apply }) => apply(job))).toMatchObject([
      { slurmJobId: '11', state: 'RUNNING', nodeList: null, allocated: null },
    ]);
    expect(cancel).toEqual(['12']);
  });

  it('is found among many others, which have their turn meanwhile', async () => {
    const job = await known({}, '12');
    const others = Array.from({ length: 10_000 }, (_, index) => stray(job, { slurmJobId: `9_${index}` }));
    let cancel: readonly string[] = [];
    const turns = await turnsDuring(async () => {
      cancel = (await look([...others, stray(job, { state: 'PENDING' })])).cancel;
    });
    expect(cancel).toEqual(['11']);
    // Once for whose they are, and once for those that are known.
    expect(turns).toBeGreaterThanOrEqual(15);
  });

  it('that works though the end of the job was asked for is cancelled too', async () => {
    const job = await known({ state: 'CANCELLED', cancelRequestedAt: NOW }, '11');
    const { updates, cancel } = await look([stray(job)]);
    expect(updates.map(({ apply }) => apply(job))).toMatchObject([{ slurmJobId: '11', state: 'CANCELLING' }]);
    expect(cancel).toEqual(['11']);
  });

  it('that waits while the job itself works is cancelled', async () => {
    const job = await known({}, '12');
    const waiting = stray(job, { state: 'PENDING' });
    expect(await look([waiting])).toEqual({ updates: [], cancel: ['11'] });
    await look([waiting]);
    expect(slurm.asked).toHaveLength(1);
  });

  it('that waits after the job was cancelled is cancelled: nothing is to run', async () => {
    const job = await known({ state: 'CANCELLED' }, null);
    expect(await look([stray(job, { state: 'PENDING' })])).toEqual({ updates: [], cancel: ['11'] });
  });

  it.each<[string, Partial<Job>, Parameters<typeof anObservation>[0]]>([
    ['waits as the job does', { state: 'PENDING' }, { state: 'PENDING' }],
    ['found the directory taken and has ended', {}, { state: 'FAILED', exitCode: DOUBLE_EXIT_CODE }],
    ['is seen while sbatch has not answered', { slurmJobId: null, state: 'SUBMITTING' }, {}],
    ['has a name that is none of ours', {}, { ownerId: null }],
    ['runs the script of a job of another cluster', { clusterName: 'beta' }, { state: 'RUNNING' }],
    ['runs the script of an old job of another cluster', { clusterName: 'beta', state: 'COMPLETED' }, {}],
  ])('that %s is left alone, and no claim is read', async (_what, parts, seen) => {
    const job = await known(parts, '11');
    expect(await look([stray(job, seen)])).toEqual({ updates: [], cancel: [] });
    expect(slurm.asked).toEqual([]);
  });

  it('is left alone while its claim cannot be read, which is told, and others are not', async () => {
    const [hidden, other] = [await known({}, null), await known({}, '12')];
    slurm.claims.set(hidden.workDir ?? '', { unreadable: 'Permission denied' });
    const seen = [stray(hidden, { state: 'PENDING' }), stray(other, { slurmJobId: '13', state: 'PENDING' })];
    expect(await look(seen)).toEqual({ updates: [], cancel: ['13'] });
    expect(doubles.fault?.message).toBe('Permission denied');
    slurm.claims.set(hidden.workDir ?? '', '12');
    expect((await look(seen)).cancel).toEqual(['11', '13']);
    expect(doubles.fault).toBeNull();
  });

  it('belongs to the task of its array', async () => {
    const array = await known({ resources: { ...NO_RESOURCES, array: '3' } }, null);
    const task = aJob({
      ...array,
      id: aJob().id,
      slurmJobId: '12_3',
      arrayParentId: array.id,
      arrayTaskId: 3,
    });
    await insertJobs(store, [task]);
    slurm.claims.set(`${task.workDir}/3`, '11_3');
    const { updates, cancel } = await look([stray(array, { slurmJobId: '11_3' })]);
    expect(updates.map(({ jobId, apply }) => [jobId, apply(task).slurmJobId])).toEqual([[task.id, '11_3']]);
    expect(cancel).toEqual(['12_3']);
  });
});

describe('the end of a job with the code of a double', () => {
  const end = (job: Job, exitCode: number) => ({
    jobId: job.id,
    slurmJobId: job.slurmJobId,
    apply: (current: Job) =>
      observed(current, anObservation({ ownerId: ownerId(job), slurmJobId: '12', state: 'FAILED', exitCode }), NOW),
  });
  const settled = async (job: Job, exitCode = DOUBLE_EXIT_CODE) => {
    const updates = await doubles.withoutFalseEnds([end(job, exitCode)], new Map([[job.id, job]]));
    return updates.map(({ apply }) => apply(job));
  };

  it('is no end while another one has the claim, whose number the job has from now on', async () => {
    const job = await known({}, '11');
    expect(await settled(job)).toMatchObject([{ slurmJobId: '11', state: 'RUNNING', exitCode: null, endedAt: null }]);
  });

  it("is the command's own where the job has the claim itself", async () => {
    const job = await known({}, '12');
    expect(await settled(job)).toMatchObject([{ slurmJobId: '12', state: 'FAILED', exitCode: DOUBLE_EXIT_CODE }]);
  });

  it('waits while its claim cannot be read, which is told, and the ends of others do not', async () => {
    const [hidden, other, own] = [await known({}, '11'), await known({}, null), await known({}, '11')];
    slurm.claims.set(hidden.workDir ?? '', { unreadable: 'Permission denied' });
    const current = new Map([hidden, other, own].map((job) => [job.id, job]));
    const write = () => doubles.withoutFalseEnds([end(hidden, 113), end(other, 1), end(own, 113)], current);
    const after = (await write()).map(({ jobId, apply }) => [jobId, apply(current.get(jobId) ?? hidden).state]);
    expect(after).toEqual([
      [other.id, 'FAILED'],
      [own.id, 'RUNNING'],
    ]);
    expect(doubles.fault?.message).toBe('Permission denied');
    // Also by what is written next.
    await doubles.withoutFalseEnds([], current);
    expect(doubles.fault?.message).toBe('Permission denied');

    slurm.claims.set(hidden.workDir ?? '', '12');
    expect((await write()).map(({ jobId }) => jobId)).toContain(hidden.id);
    expect(doubles.fault).toBeNull();
  });

  it.each<[string, (job: Job) => Promise<unknown>]>([
    ['its job is over', () => doubles.withoutFalseEnds([], new Map())],
    ['Slurm tells something else', (job) => settled(job, 1)],
  ])('is no fault any more once %s', async (_what, next) => {
    const job = await known({}, null);
    slurm.records.claimers = () => Promise.reject(new Error('the connection broke'));
    expect(await settled(job)).toEqual([]);
    expect(doubles.fault?.message).toBe('the connection broke');
    await next(job);
    expect(doubles.fault).toBeNull();
  });

  it('is believed in its turn, after few looks, though all the tasks of an array end so', async () => {
    const array = aJob({ slurmJobId: '12', resources: { ...NO_RESOURCES, array: '0-4999' } });
    const tasks = Array.from({ length: 5000 }, (_, arrayTaskId) =>
      aJob({ state: 'RUNNING', slurmJobId: `12_${arrayTaskId}`, arrayParentId: array.id, arrayTaskId }),
    );
    const last = aJob({ state: 'RUNNING', slurmJobId: '12' });
    const current = new Map([...tasks, last].map((job) => [job.id, job]));
    const told = await doubles.withoutFalseEnds(
      [...tasks, last].map((job) => end(job, DOUBLE_EXIT_CODE)),
      current,
    );
    expect(told.map(({ jobId }) => jobId)).toContain(last.id);
    expect(told).toHaveLength(200);
    expect(slurm.asked).toHaveLength(1);
  });

  it('is believed in its turn though the claims of hundreds of others cannot be read', async () => {
    const hidden = Array.from({ length: 450 }, () => aJob({ state: 'RUNNING', slurmJobId: '12' }));
    for (const { workDir } of hidden) slurm.claims.set(workDir ?? '', { unreadable: 'Permission denied' });
    const last = aJob({ state: 'RUNNING', slurmJobId: '12' });
    const current = new Map([...hidden, last].map((job) => [job.id, job]));
    const ends = [...current.values()].map((job) => end(job, DOUBLE_EXIT_CODE));
    const told: string[] = [];
    for (let look = 0; look < 3; look += 1) {
      for (const { jobId } of await doubles.withoutFalseEnds(ends, current)) told.push(jobId);
    }
    expect(told).toEqual([last.id]);
  });

  it('is none of a job that has the number of another one by now, nor is any other end of that double', async () => {
    const job = await known({}, '11');
    const adopted = { ...job, slurmJobId: '11' };
    for (const exitCode of [DOUBLE_EXIT_CODE, 1]) {
      expect(await doubles.withoutFalseEnds([end(job, exitCode)], new Map([[job.id, adopted]]))).toEqual([]);
    }
    expect(slurm.asked).toEqual([]);
  });

  it('costs nothing where the code is another one', async () => {
    const job = await known({}, '11');
    expect(await settled(job, 3)).toMatchObject([{ state: 'FAILED', exitCode: 3 }]);
    expect(slurm.asked).toEqual([]);
  });
});
