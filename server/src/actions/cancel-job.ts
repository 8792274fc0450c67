import type { Actor } from '../domain/actor.ts';
import { isArray, type Job } from '../domain/job.ts';
import { actionFits } from '../domain/job-action.ts';
import { isActiveState } from '../domain/job-state.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { ActionContext } from './context.ts';
import { changeWithTasks, forEachJob, forOneJob, NOT_THERE, writeEach } from './many-jobs.ts';

/**
 * Asks Slurm to end a job, an array with all its tasks, or one task. The job is CANCELLING until its end is seen. Once
 * the request is recorded it is repeated until Slurm has heard it, whatever breaks meanwhile.
 */
export async function cancelJob(context: ActionContext, actor: Actor, id: string): Promise<Outcome<Job>> {
  return forOneJob(actor, id, (unique) => cancelAll(context, actor, unique));
}

/** The same for many, with one command a cluster. Each has an outcome of its own, in the order of the ids. */
export async function cancelJobs(
  context: ActionContext,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly Outcome<Job>[]> {
  return forEachJob(actor, ids, (unique) => cancelAll(context, actor, unique));
}

async function cancelAll(
  { reads, journal, clusters, staging }: ActionContext,
  actor: Actor,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Outcome<Job>>> {
  const outcomes = new Map<string, Outcome<Job>>();
  const requested = new Map<string, Job>();
  await writeEach(journal, actor, ids, async (writer, id) => {
    // Read one by one: a request for an array reaches its tasks, which may be named too.
    const refused = refusedBecause(await writer.jobs.get(id), requested, clusters);
    if (refused !== null) {
      outcomes.set(id, refused);
      return 1;
    }
    const { job, written } = await changeWithTasks(writer, id, 'CANCEL', cancelRequest(new Date()));
    requested.set(id, job);
    return written;
  });
  const byCluster = Map.groupBy(requested.values(), ({ clusterName }) => clusterName);
  await Promise.all(
    [...byCluster].map(async ([clusterName, jobs]) => {
      // An array stands for its tasks.
      const named = jobs.filter(({ arrayParentId }) => arrayParentId === null || !requested.has(arrayParentId));
      const all = [...named, ...tasksElsewhere(journal, clusterName, named)];
      await clusters.get(clusterName)?.jobs.cancel(all.filter(({ slurmJobId }) => slurmJobId !== null));
    }),
  );
  for (const { id, state } of requested.values()) {
    // They are cancelled by now: a sweep removes what can't be removed, and reports it.
    if (!isActiveState(state)) await staging.remove(id).catch(() => undefined);
  }
  for (const job of await reads.jobs.getMany([...requested.keys()])) if (job !== null) outcomes.set(job.id, done(job));
  return outcomes;
}

/** Active tasks of these arrays that run under another number than their array's, since sbatch was run twice. */
function tasksElsewhere(journal: ActionContext['journal'], clusterName: string, jobs: readonly Job[]): Job[] {
  const arrays = new Map(jobs.filter(isArray).map((array) => [array.id, array]));
  if (arrays.size === 0) return [];
  return [...journal.active(clusterName).values()].filter(({ arrayParentId, slurmJobId }) => {
    const array = arrays.get(arrayParentId ?? '');
    return array !== undefined && slurmJobId?.split('_')[0] !== array.slurmJobId;
  });
}

function refusedBecause(
  job: Job | null,
  requested: ReadonlyMap<string, Job>,
  clusters: ActionContext['clusters'],
): Outcome<Job> | null {
  if (job === null) return refuse('NOT_FOUND', 'id', NOT_THERE);
  // Ended by this very request, as a part of its array.
  if (requested.has(job.arrayParentId ?? '')) return null;
  // What was requested before may be requested again.
  if (!actionFits('CANCEL', job.state) && job.state !== 'CANCELLING') {
    return refuse('NOT_CANCELLABLE', 'id', `There is nothing left to cancel: the job is ${job.state}`);
  }
  // What hasn't left the server needs no cluster.
  if (job.workDir === null || clusters.get(job.clusterName) !== null) return null;
  const message = `${job.clusterName} is no longer in clusters.yaml, so it can't be reached`;
  return refuse('CLUSTER_UNAVAILABLE', 'id', message);
}

/** Records the request on a job or a task that is still active. */
function cancelRequest(now: Date): (job: Job) => Job {
  return (job) => {
    if (!isActiveState(job.state)) return job;
    // Nothing of it has left the server yet, so this is an end and no guess.
    if (job.workDir === null)
      return { ...job, state: 'CANCELLED', reason: 'Cancelled before it was sent', endedAt: now };
    return { ...job, state: 'CANCELLING', cancelRequestedAt: job.cancelRequestedAt ?? now };
  };
}
