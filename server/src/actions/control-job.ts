import { type Cluster, isUnanswered } from '../clusters/index.ts';
import { type Actor, SYSTEM } from '../domain/actor.ts';
import { isArray, type Job } from '../domain/job.ts';
import { actionFits } from '../domain/job-action.ts';
import { arrayState, isActiveState, type JobState } from '../domain/job-state.ts';
import { isOf } from '../domain/observation.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { Remark } from '../events/index.ts';
import type { JobControl } from '../slurm/index.ts';
import type { ActionContext } from './context.ts';
import { forEachJob, forOneJob, noteEach } from './many-jobs.ts';

/** Slurm takes them one by one; so many are done well within the time that one command has. */
const BATCH = 200;

const NO_TASKS = 'None of its tasks has been seen in Slurm yet: wait until they are listed';

const HOLD: Control = {
  action: 'hold',
  request: 'HOLD',
  instead: (state) => {
    if (state === 'HELD') return 'It is already held: releaseJob releases it';
    if (!isActiveState(state)) return `Only a waiting job can be held: it is over (${state})`;
    return `Only a waiting job can be held: it is ${state}. requeueJob puts it back into the queue, cancelJob ends it`;
  },
};

const RELEASE: Control = {
  action: 'release',
  request: 'RELEASE',
  instead: (state) => `There is nothing to release: the job is not held, it is ${state}`,
};

const REQUEUE: Control = {
  action: 'requeue',
  request: 'REQUEUE',
  instead: (state) => {
    if (state === 'HELD') return 'It is already in the queue, and held: releaseJob releases it';
    return `There is nothing to requeue: the job is ${state}, so it is already in the queue`;
  },
};

/** Keeps a job that waits from being started. */
export async function holdJob(context: ActionContext, actor: Actor, id: string): Promise<Outcome<Job>> {
  return forOneJob(actor, id, (unique) => controlAll(context, actor, unique, HOLD));
}

/** The same for many, with a few commands a cluster. Each has an outcome of its own, in the order of the ids. */
export async function holdJobs(
  context: ActionContext,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly Outcome<Job>[]> {
  return forEachJob(actor, ids, (unique) => controlAll(context, actor, unique, HOLD));
}

/** Lets a held job go on. */
export async function releaseJob(context: ActionContext, actor: Actor, id: string): Promise<Outcome<Job>> {
  return forOneJob(actor, id, (unique) => controlAll(context, actor, unique, RELEASE));
}

/** The same for many, with a few commands a cluster. Each has an outcome of its own, in the order of the ids. */
export async function releaseJobs(
  context: ActionContext,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly Outcome<Job>[]> {
  return forEachJob(actor, ids, (unique) => controlAll(context, actor, unique, RELEASE));
}

/** Has Slurm run a job again under the same number: one that runs, or one that is over while Slurm still holds it. */
export async function requeueJob(context: ActionContext, actor: Actor, id: string): Promise<Outcome<Job>> {
  return forOneJob(actor, id, (unique) => controlAll(context, actor, unique, REQUEUE));
}

interface Control {
  readonly action: JobControl;
  /** As the events of a job name it. */
  readonly request: 'HOLD' | 'RELEASE' | 'REQUEUE';
  /** What to tell of a job in a state that doesn't fit, and what would be right. */
  instead(state: JobState): string;
}

/** A job that may be controlled. */
interface Subject {
  readonly job: Job;
  /** What Slurm is asked about: of an array its tasks, else the job itself. */
  readonly parts: readonly Job[];
}

/** Outcomes by id; none for a job that isn't there. Slurm is asked first, since what was seen last may no longer be so. */
async function controlAll(
  context: ActionContext,
  actor: Actor,
  ids: ReadonlySet<string>,
  control: Control,
): Promise<ReadonlyMap<string, Outcome<Job>>> {
  const { reads } = context;
  const outcomes = new Map<string, Outcome<Job>>();
  const asked: Job[] = [];
  for (const job of await reads.jobs.getMany([...ids])) {
    if (job === null) continue;
    const refused = refusedUnseen(job, control);
    if (refused === null) asked.push(job);
    else outcomes.set(job.id, refused);
  }
  const byCluster = Map.groupBy(asked, ({ clusterName }) => clusterName);
  await Promise.all(
    [...byCluster].map(async ([name, wanted]) => {
      const answers = await controlOn(context, actor, name, wanted, control);
      for (const [id, outcome] of answers) outcomes.set(id, outcome);
    }),
  );
  // As they are by now: looking at them may have brought news.
  const accepted = [...outcomes].flatMap(([id, outcome]) => (outcome.ok ? [id] : []));
  for (const job of await reads.jobs.getMany(accepted)) if (job !== null) outcomes.set(job.id, done(job));
  return outcomes;
}

/** Why it makes no sense to ask Slurm about a job; null: it does. */
function refusedUnseen(job: Job, { action, instead }: Control): Outcome<Job> | null {
  if (job.slurmJobId === null) return refuse('WRONG_STATE', 'id', neverInSlurm(job));
  if (action !== 'requeue' && !isActiveState(job.state)) return refuse('WRONG_STATE', 'id', instead(job.state));
  return null;
}

/** The outcomes of jobs of one cluster, by id. */
async function controlOn(
  context: ActionContext,
  actor: Actor,
  name: string,
  asked: readonly Job[],
  control: Control,
): Promise<ReadonlyMap<string, Outcome<Job>>> {
  const outcomes = new Map<string, Outcome<Job>>();
  const unavailable = (message: string) => {
    for (const { id } of asked) {
      if (!outcomes.has(id)) outcomes.set(id, refuse('CLUSTER_UNAVAILABLE', 'id', message));
    }
    return outcomes;
  };
  const cluster = context.clusters.get(name);
  if (cluster === null) return unavailable(`${name} is no longer in clusters.yaml, so it can't be reached`);
  try {
    // Each request holds all tasks of the arrays that it names.
    await cluster.jobs.inTurn(() => controlJobs(context, actor, cluster, asked, control, outcomes));
    return outcomes;
  } catch (cause) {
    if (!isUnanswered(cause)) throw cause;
    return unavailable(`${name} gave no answer: ${cluster.health.message ?? cause.message}`);
  }
}

/** Adds to the outcomes. Throws when Slurm can't be asked. */
async function controlJobs(
  { reads, journal, clusters }: ActionContext,
  actor: Actor,
  cluster: Cluster,
  asked: readonly Job[],
  { action, request, instead }: Control,
  outcomes: Map<string, Outcome<Job>>,
): Promise<void> {
  const subjects: Subject[] = [];
  for (const job of asked) {
    const all = isArray(job) ? await reads.jobs.tasks(job.id) : [job];
    const parts = all.filter((part) => !isBeingCancelled(part));
    if (parts.length > 0) subjects.push({ job, parts });
    else if (all.length === 0) outcomes.set(job.id, refuse('WRONG_STATE', 'id', NO_TASKS));
    else outcomes.set(job.id, refuse('WRONG_STATE', 'id', 'It is being cancelled: wait for its end'));
  }
  if (subjects.length === 0) return;
  const states = await statesNow(
    cluster,
    subjects.flatMap(({ parts }) => parts),
  );
  const fitting: Subject[] = [];
  for (const { job, parts } of subjects) {
    const seen = parts.flatMap(({ id }) => states.get(id) ?? []);
    const chosen = parts.filter(({ id }) => {
      const state = states.get(id);
      return state !== undefined && actionFits(request, state);
    });
    if (chosen.length > 0) {
      fitting.push({ job, parts: chosen });
      continue;
    }
    const state = arrayState(new Set(seen));
    outcomes.set(job.id, refuse('WRONG_STATE', 'id', state === null ? unknownToSlurm(job) : instead(state)));
  }
  for (let start = 0; start < fitting.length; start += BATCH) {
    const batch = fitting.slice(start, start + BATCH);
    // Before Slurm is asked: whatever breaks meanwhile, it stays known who asked. For an array once, for all its tasks.
    await noteEach(journal, actor, new Map(batch.map(({ job }) => [job.id, { request }])));
    const refusals = await cluster.jobs.control(
      action,
      batch.map(({ parts }) => parts),
    );
    // Only who polls now sees the effect.
    await (await clusters.successor(cluster))?.jobs.controlled(action, refusals);
    const refused = new Map<string, Remark>();
    for (const [index, { job }] of batch.entries()) {
      const words = refusals[index] ?? null;
      const message = words === null ? null : slurmRefused(action, words);
      outcomes.set(job.id, message === null ? done(job) : refuse('SLURM_REJECTED', 'id', message));
      if (message !== null) refused.set(job.id, { message });
    }
    await noteEach(journal, SYSTEM, refused);
  }
}

function slurmRefused(action: JobControl, words: string): string {
  return `Slurm refused to ${action} it: ${words}${hint(action, words)}`;
}

function isBeingCancelled({ state, cancelRequestedAt }: Job): boolean {
  return cancelRequestedAt !== null && isActiveState(state);
}

/** The states of those that Slurm still holds. A number alone doesn't make it the same job. */
async function statesNow(cluster: Cluster, jobs: readonly Job[]): Promise<ReadonlyMap<string, JobState>> {
  const shown = await cluster.jobs.look();
  return new Map(
    jobs.flatMap((job) => {
      const seen = shown.at(job.slurmJobId ?? '');
      return seen === undefined || !isOf(seen, job) ? [] : [[job.id, seen.state ?? job.state] as const];
    }),
  );
}

function neverInSlurm({ state }: Job): string {
  if (isActiveState(state)) return `It is ${state}: Slurm has not accepted it yet. cancelJob keeps it from running`;
  return `It is ${state}: it never reached Slurm. resubmitJob submits it again as a new job`;
}

function unknownToSlurm({ state }: Job): string {
  if (isActiveState(state)) return 'Slurm does not list this job now: wait until its end is known';
  return `It is over (${state}), and Slurm no longer has a record of it: resubmitJob submits it again as a new job`;
}

function hint(action: JobControl, words: string): string {
  if (action !== 'requeue' || !/presently disabled/i.test(words)) return '';
  return '. Its options or the cluster forbid it (sbatch --no-requeue, slurm.conf JobRequeue=0): resubmitJob submits it again as a new job';
}
