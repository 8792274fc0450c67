import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { actionsOf, type JobAction } from '../domain/job-action.ts';
import { arrayState, isActiveState, JOB_STATES, type JobState } from '../domain/job-state.ts';
import type { Outcome } from '../domain/refusal.ts';
import { aJob, aProject, NO_SUBMISSION } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { UNWATCHED } from '../projects/testing.ts';
import { Store } from '../store/index.ts';
import { insertJobs } from '../store/testing.ts';
import { cancelJob } from './cancel-job.ts';
import type { ActionContext } from './context.ts';
import { holdJob, releaseJob, requeueJob } from './control-job.ts';
import { resubmitJob } from './resubmit-job.ts';

const ACTIONS = {
  CANCEL: cancelJob,
  HOLD: holdJob,
  RELEASE: releaseJob,
  REQUEUE: requeueJob,
} as const satisfies Partial<
  Record<JobAction, (context: ActionContext, actor: typeof SYSTEM, id: string) => Promise<Outcome<Job>>>
>;
type Action = keyof typeof ACTIONS;
const NAMES = Object.keys(ACTIONS) as Action[];

let store: Store;
let context: ActionContext;
/** What Slurm holds, in the states that are stored. */
let held: readonly Job[];

beforeEach(async () => {
  store = await Store.open(':memory:');
  const journal = new Journal(store);
  await journal.start();
  const at = (number: string) => {
    const job = held.find(({ slurmJobId }) => slurmJobId === number);
    if (job === undefined) return undefined;
    const { id, arrayParentId, state, cancelRequestedAt } = job;
    // Slurm has no state CANCELLING.
    const shown = cancelRequestedAt === null ? state : 'RUNNING';
    return { ownerId: arrayParentId ?? id, directoryJobId: null, state: shown };
  };
  const [cancel, controlled] = [async () => undefined, async () => undefined];
  const inTurn = <T>(work: () => Promise<T>) => work();
  const jobs = { inTurn, look: async () => ({ at }), cancel, control: async () => [null], controlled };
  const cluster = { jobs, health: { message: null } };
  context = {
    reads: store,
    store,
    journal,
    clusters: { get: () => cluster, successor: async () => cluster } as never,
    staging: { remove: async () => undefined } as never,
    repositories: UNWATCHED,
  };
});
afterEach(() => store.close());

const cancelledAt = (state: JobState) => (state === 'CANCELLING' ? new Date() : null);

/** A job in each state, or an array with a task in each of them. */
async function create(states: readonly JobState[], isArray: boolean, parts: Partial<Job> = {}): Promise<Job> {
  const state = arrayState(new Set(states)) ?? 'PENDING';
  const array = isArray ? '0-9' : null;
  const job = aJob({ state, cancelRequestedAt: isArray ? null : cancelledAt(state), ...parts });
  const whole = { ...job, resources: { ...job.resources, array } };
  const tasks = (isArray ? states : []).map((one, index) =>
    aJob({
      ...{ state: one, cancelRequestedAt: cancelledAt(one), arrayParentId: job.id, arrayTaskId: index },
      slurmJobId: `1234_${index}`,
    }),
  );
  await insertJobs(store, [whole, ...tasks]);
  held = isArray ? tasks : [whole];
  return whole;
}

/** Each of the four, on a job of its own. */
async function accepted(make: () => Promise<Job>): Promise<readonly Action[]> {
  const names: Action[] = [];
  for (const name of NAMES) {
    const job = await make();
    if ((await ACTIONS[name](context, SYSTEM, job.id)).ok) names.push(name);
  }
  return names;
}

const listed = (job: Job, states: readonly JobState[]) =>
  NAMES.filter((name) => actionsOf(job, states).some((action) => action === name));

describe('the actions that a job lists are the ones that it takes', () => {
  it.each(JOB_STATES)('in the state %s', async (state) => {
    const make = () => create([state], false);
    const taken = await accepted(make);
    // More is taken than is listed: a second cancellation, and a requeue for as long as Slurm holds a job that is over.
    const beyond: readonly Action[] = state === 'CANCELLING' ? ['CANCEL'] : isActiveState(state) ? [] : ['REQUEUE'];
    expect(listed(await make(), [])).toEqual(taken.filter((name) => !beyond.includes(name)));
  });

  it.each(JOB_STATES)('in the state %s without a number of Slurm', async (state) => {
    const make = () => create([state], false, { slurmJobId: null });
    const beyond: readonly Action[] = state === 'CANCELLING' ? ['CANCEL'] : [];
    expect(listed(await make(), [])).toEqual((await accepted(make)).filter((name) => !beyond.includes(name)));
  });

  it.each<[readonly JobState[], readonly Action[]]>([
    [
      ['RUNNING', 'PENDING'],
      ['CANCEL', 'HOLD', 'REQUEUE'],
    ],
    [
      ['RUNNING', 'HELD', 'COMPLETED'],
      ['CANCEL', 'RELEASE', 'REQUEUE'],
    ],
    [
      ['PENDING', 'HELD'],
      ['CANCEL', 'HOLD', 'RELEASE'],
    ],
    [
      ['CANCELLING', 'PENDING'],
      ['CANCEL', 'HOLD'],
    ],
    [['PENDING'], ['CANCEL', 'HOLD']],
    // Its tasks have not been seen yet.
    [[], ['CANCEL']],
  ])('in an array with tasks that are %j', async (states, names) => {
    const make = () => create(states, true);
    expect(listed(await make(), states)).toEqual(names);
    expect(await accepted(make)).toEqual(names);
  });

  it('in an array of which only Slurm knows whether it still holds the tasks', async () => {
    for (const states of [['COMPLETED', 'FAILED'], ['CANCELLING']] as const) {
      expect(listed(await create(states, true), states)).toEqual([]);
    }
  });
});

it('a job that is over lists that it can be archived, or brought back', () => {
  const job = aJob({ state: 'COMPLETED' });
  expect(actionsOf(job, [])).toEqual(['UPDATE', 'ARCHIVE']);
  expect(actionsOf({ ...job, isArchived: true }, [])).toEqual(['UPDATE', 'UNARCHIVE']);
});

it.each<[string, Partial<Job>]>([
  ['all of its inputs are there', {}],
  ['its commit is not known', { gitCommit: null }],
  ['it ran with uncommitted changes', { hasUncommittedChanges: true }],
  ['its project is gone', { projectId: null }],
])('a job lists that it can be submitted again if resubmitJob takes it: %s', async (_what, parts) => {
  const project = aProject();
  await store.projects.save(project);
  const job = aJob({ state: 'FAILED', gitCommit: 'c0ffee', projectId: project.id, clusterName: 'gone', ...parts });
  await context.journal.write(SYSTEM, (writer) =>
    writer.create([{ job, idempotencyKey: null, submission: NO_SUBMISSION }]),
  );
  const user = { user: { id: 'U', name: 'Ada', role: 'ADMIN' }, via: 'TOKEN' } as const;
  const nowhere = { ...context, clusters: { get: () => null, all: () => [] } as never };
  const outcome = await resubmitJob(nowhere, user, { id: job.id, idempotencyKey: null, waitSeconds: 0 });
  // With its inputs, it comes as far as its cluster, which is no longer there.
  const codes = outcome.ok ? [] : outcome.refusals.map(({ code }) => code);
  expect(codes).toEqual([actionsOf(job, []).includes('RESUBMIT') ? 'NOT_FOUND' : 'WRONG_STATE']);
});
