import { type Cluster, isUnanswered } from '../clusters/index.ts';
import { isArray, type Job } from '../domain/job.ts';
import { arrayState, isActiveState, type JobState } from '../domain/job-state.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { JobControl } from '../slurm/index.ts';
import type { ActionContext } from './context.ts';

/** Keeps a job that waits from being started. */
export async function holdJob(context: ActionContext, id: string): Promise<Outcome<Job>> {
  return controlJob(context, id, {
    action: 'hold',
    // scontrol would take a running job too, and hold it only should it ever be requeued.
    fits: (state) => state === 'PENDING',
    instead: (state) => {
      if (state === 'HELD') return 'It is held already: releaseJob lets it go on';
      if (!isActiveState(state)) return `Only a job that waits can be held: it is over (${state})`;
      return `Only a job that waits can be held: it is ${state}. requeueJob puts it back into the queue, cancelJob ends it`;
    },
  });
}

/** Lets a held job go on. */
export async function releaseJob(context: ActionContext, id: string): Promise<Outcome<Job>> {
  return controlJob(context, id, {
    action: 'release',
    fits: (state) => state === 'HELD',
    instead: (state) => `There is nothing to release: the job is not held, it is ${state}`,
  });
}

/** Has Slurm run a job again under the same number: one that runs, or one that is over while Slurm still holds it. */
export async function requeueJob(context: ActionContext, id: string): Promise<Outcome<Job>> {
  return controlJob(context, id, {
    action: 'requeue',
    fits: (state) => state !== 'PENDING' && state !== 'HELD',
    instead: (state) => {
      if (state === 'HELD') return 'It is in the queue already and held: releaseJob lets it go on';
      return `There is nothing to requeue: the job is ${state}, so it is in the queue already`;
    },
  });
}

interface Control {
  readonly action: JobControl;
  /** Whether it makes sense in a state that Slurm has just shown. */
  fits(state: JobState): boolean;
  /** What to tell of a job in a state that doesn't fit, and what would be right. */
  instead(state: JobState): string;
}

/** Of an array, what fits of its tasks. Slurm is asked first, since what was seen last may no longer be so. */
async function controlJob(
  { store, clusters }: ActionContext,
  id: string,
  { action, fits, instead }: Control,
): Promise<Outcome<Job>> {
  const job = await store.jobs.get(id);
  if (job === null) return refuse('NOT_FOUND', 'id', 'There is no such job');
  if (job.slurmJobId === null) return refuse('WRONG_STATE', 'id', neverInSlurm(job));
  const parts = (isArray(job) ? await store.jobs.tasks(id) : [job]).filter((part) => !isBeingCancelled(part));
  if (parts.length === 0) return refuse('WRONG_STATE', 'id', 'It is being cancelled: wait for its end');
  if (action !== 'requeue' && !isActiveState(job.state)) return refuse('WRONG_STATE', 'id', instead(job.state));
  const cluster = clusters.get(job.clusterName);
  if (cluster === null) {
    const message = `${job.clusterName} is no longer in clusters.yaml, so it can't be asked`;
    return refuse('CLUSTER_UNAVAILABLE', 'id', message);
  }

  let refusal: string | null;
  try {
    const states = await statesNow(cluster, parts);
    const fitting = parts.filter((part) => {
      const state = states.get(part.id);
      return state !== undefined && fits(state);
    });
    if (fitting.length === 0) {
      const state = arrayState(new Set(states.values()));
      const message = state === null ? unknownToSlurm(job) : instead(state);
      return refuse('WRONG_STATE', 'id', message);
    }
    refusal = await cluster.control(action, fitting);
  } catch (cause) {
    if (!isUnanswered(cause)) throw cause;
    const why = cluster.health.message ?? cause.message;
    return refuse('CLUSTER_UNAVAILABLE', 'id', `${job.clusterName} gave no answer: ${why}`);
  }
  if (refusal === null) return done((await store.jobs.get(id)) ?? job);
  return refuse('SLURM_REJECTED', 'id', `Slurm refused to ${action} it: ${refusal}${hint(action, refusal)}`);
}

function isBeingCancelled({ state, cancelRequestedAt }: Job): boolean {
  return cancelRequestedAt !== null && isActiveState(state);
}

/** The states of those that Slurm still holds. A number alone doesn't make it the same job: the name has to be ours. */
async function statesNow(cluster: Cluster, jobs: readonly Job[]): Promise<ReadonlyMap<string, JobState>> {
  const seenById = new Map((await cluster.look()).map((seen) => [seen.slurmJobId, seen]));
  return new Map(
    jobs.flatMap(({ id, slurmJobId, slurmName, state }) => {
      const seen = seenById.get(slurmJobId ?? '');
      return seen === undefined || seen.slurmName !== slurmName ? [] : [[id, seen.state ?? state] as const];
    }),
  );
}

function neverInSlurm({ state }: Job): string {
  if (isActiveState(state)) return `It is ${state}: Slurm has not taken it yet. cancelJob keeps it from being run`;
  return `It is ${state}: Slurm never had it. resubmitJob makes a new job of it`;
}

function unknownToSlurm({ state }: Job): string {
  if (isActiveState(state)) return 'Slurm shows no such job now: wait until its end is known';
  return `It is over (${state}), and Slurm no longer holds a record of it: resubmitJob makes a new job of it`;
}

function hint(action: JobControl, words: string): string {
  if (action !== 'requeue' || !/presently disabled/i.test(words)) return '';
  return '. Its options or the cluster forbid it (sbatch --no-requeue, slurm.conf JobRequeue=0): resubmitJob makes a new job of it';
}
