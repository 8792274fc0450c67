import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UserActor } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import type { JobState } from '../domain/job-state.ts';
import { aJob } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { UNWATCHED } from '../projects/testing.ts';
import { SlurmUnavailable } from '../slurm/index.ts';
import { Store } from '../store/index.ts';
import { insertJobs } from '../store/testing.ts';
import { archiveJobs } from './archive-jobs.ts';
import { cancelJobs } from './cancel-job.ts';
import type { ActionContext } from './context.ts';
import { holdJob, holdJobs, releaseJob, releaseJobs, requeueJob } from './control-job.ts';

const ADA: UserActor = { user: { id: 'ada', name: 'Ada', role: 'MEMBER' }, via: 'SESSION' };

let store: Store;
let context: ActionContext;
/** What Slurm lists. */
let listed: Job[];
/** What the cluster answers when it is asked to hold, release or requeue. */
let answer: (groups: readonly (readonly Job[])[]) => readonly (string | null)[];
/** The newest event when it was asked. */
let askedAt: number;

beforeEach(async () => {
  store = await Store.open(':memory:');
  const journal = new Journal(store);
  await journal.start();
  listed = [];
  answer = (groups) => groups.map(() => null);
  const cluster = {
    jobs: {
      inTurn: <T>(work: () => Promise<T>) => work(),
      look: async () => ({
        at: (number: string) => {
          const job = listed.find(({ slurmJobId }) => slurmJobId === number);
          return job && { state: job.state, ownerId: job.arrayParentId ?? job.id, directoryJobId: null };
        },
      }),
      control: async (_action: string, groups: readonly (readonly Job[])[]) => {
        askedAt = journal.newest;
        return answer(groups);
      },
      controlled: async () => undefined,
      cancel: async () => undefined,
    },
    health: { message: null },
  };
  context = {
    ...{ reads: store, store, journal },
    clusters: { get: () => cluster, successor: async () => cluster } as never,
    staging: { remove: async () => undefined } as never,
    repositories: UNWATCHED,
  };
});
afterEach(() => store.close());

async function create(...jobs: readonly Job[]): Promise<void> {
  await insertJobs(store, jobs);
  await context.journal.start();
  listed.push(...jobs.filter(({ resources }) => resources.array === null));
}

let lastNumber = 1000;
const inState = (state: JobState, parts: Partial<Job> = {}) => {
  lastNumber += 1;
  return aJob({ state, slurmJobId: `${lastNumber}`, workDir: '/w', ...parts });
};

/** What the history says since the jobs were there. */
async function told(): Promise<readonly string[]> {
  const names = new Map((await store.jobs.getMany(listed.map(({ id }) => id))).map((job) => [job?.id, job?.name]));
  return (await store.events.after(0, 1000))
    .filter(({ kind }) => kind !== 'CREATED')
    .map(
      ({ jobId, kind, state, request, actorId, message }) =>
        `${names.get(jobId) ?? 'array'}: ${kind} ${state}, ${request} by ${actorId}${message === null ? '' : `: ${message}`}`,
    );
}

describe('who asked for it is part of the history', () => {
  it.each([
    ['hold', 'PENDING', holdJob],
    ['release', 'HELD', releaseJob],
    ['requeue', 'RUNNING', requeueJob],
    ['requeue', 'COMPLETED', requeueJob],
  ] as const)('%s of a job that is %s, and claims no state', async (action, state, act) => {
    const job = inState(state);
    await create(job);
    const before = await store.jobs.get(job.id);
    const { newest } = context.journal;
    expect(await act(context, ADA, job.id)).toMatchObject({ ok: true });
    expect(await told()).toEqual([`train: UPDATED ${state}, ${action.toUpperCase()} by ada`]);
    expect(await store.jobs.get(job.id)).toEqual(before);
    expect(askedAt).toBe(newest + 1);
  });

  it.each([
    ['HOLD', 'PENDING', holdJobs],
    ['RELEASE', 'HELD', releaseJobs],
  ] as const)('%s of many, an array once', async (request, state, act) => {
    const array = inState(state, { name: 'sweep', resources: { ...aJob().resources, array: '0-2' } });
    const tasks = [0, 1, 2].map((index) =>
      inState(state, {
        name: 'task',
        arrayParentId: array.id,
        arrayTaskId: index,
        slurmJobId: `${lastNumber}_${index}`,
      }),
    );
    const [one, another] = [inState(state, { name: 'one' }), inState(state, { name: 'another' })];
    await create(array, ...tasks, one, another);
    const outcomes = await act(context, ADA, [one.id, array.id, 'none', another.id]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, false, true]);
    expect((await told()).toSorted()).toEqual(
      ['another', 'array', 'one'].map((name) => `${name}: UPDATED ${state}, ${request} by ada`),
    );
  });

  it('with what Slurm said against it, which nobody asked for', async () => {
    const [taken, refused] = [inState('HELD', { name: 'taken' }), inState('HELD', { name: 'refused' })];
    await create(taken, refused);
    answer = (groups) => groups.map(([job]) => (job?.id === refused.id ? 'Access/permission denied' : null));
    await releaseJobs(context, ADA, [taken.id, refused.id]);
    expect(await told()).toEqual([
      'taken: UPDATED HELD, RELEASE by ada',
      'refused: UPDATED HELD, RELEASE by ada',
      'refused: UPDATED HELD, null by null: Slurm refused to release it: Access/permission denied',
    ]);
  });

  it('though the answer never comes', async () => {
    const job = inState('PENDING');
    await create(job);
    answer = () => {
      throw new SlurmUnavailable('no answer');
    };
    expect(await holdJob(context, ADA, job.id)).toMatchObject({ refusals: [{ code: 'CLUSTER_UNAVAILABLE' }] });
    expect(await told()).toEqual(['train: UPDATED PENDING, HOLD by ada']);
  });

  it('and is not told where Slurm is not asked', async () => {
    const job = inState('RUNNING');
    await create(job);
    expect(await holdJob(context, ADA, job.id)).toMatchObject({ refusals: [{ code: 'WRONG_STATE' }] });
    expect(await told()).toEqual([]);
  });

  it('of the archive and of a cancellation too', async () => {
    const job = inState('RUNNING');
    await create(job);
    await archiveJobs(context, ADA, [job.id], true);
    await archiveJobs(context, ADA, [job.id], false);
    await cancelJobs(context, ADA, [job.id]);
    expect(await told()).toEqual([
      'train: UPDATED RUNNING, ARCHIVE by ada',
      'train: UPDATED RUNNING, UNARCHIVE by ada',
      'train: STATE_CHANGED CANCELLING, CANCEL by ada',
    ]);
  });
});
