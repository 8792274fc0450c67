import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import type { JournalWriter } from '../events/index.ts';
import type { ActionContext } from './context.ts';

/**
 * Asks Slurm to end a job, an array with all its tasks, or one task. The job is CANCELLING until its end is seen. Once
 * the request is recorded it is repeated until Slurm has heard it, whatever breaks meanwhile.
 */
export async function cancelJob(
  { store, journal, clusters, staging }: ActionContext,
  id: string,
): Promise<Outcome<Job>> {
  const job = await store.jobs.get(id);
  if (job === null) return refuse('NOT_FOUND', 'id', 'There is no such job');
  if (!isActiveState(job.state)) {
    return refuse('NOT_CANCELLABLE', 'id', `There is nothing left to cancel: the job is ${job.state}`);
  }
  const cluster = clusters.get(job.clusterName);
  if (cluster === null) {
    return refuse(
      'CLUSTER_UNAVAILABLE',
      'id',
      `${job.clusterName} is no longer in clusters.yaml, so it can't be asked`,
    );
  }
  const { status, message } = cluster.health;
  if (job.workDir !== null && (status === 'UNREACHABLE' || status === 'AUTH_REQUIRED')) {
    return refuse('CLUSTER_UNAVAILABLE', 'id', `${job.clusterName} can't be asked now: ${message ?? status}`);
  }
  const requested = await journal.write((writer) => requestCancel(writer, id));
  if (requested.slurmJobId !== null) await cluster.cancel(requested.slurmJobId);
  if (!isActiveState(requested.state)) await staging.remove(id);
  return done((await store.jobs.get(id)) ?? requested);
}

/** Records the request on the job, and on every task that is still active. */
async function requestCancel(writer: JournalWriter, id: string): Promise<Job> {
  const now = new Date();
  const request = (job: Job): Job => {
    if (!isActiveState(job.state)) return job;
    // Nothing of it has left the server yet, so this is an end and no guess.
    if (job.workDir === null)
      return { ...job, state: 'CANCELLED', reason: 'Cancelled before it was sent', endedAt: now };
    return { ...job, state: 'CANCELLING', cancelRequestedAt: job.cancelRequestedAt ?? now };
  };
  const tasks = await writer.jobs.tasks(id);
  await writer.change(tasks.map((task) => ({ before: task, after: request(task) })));
  return writer.update(id, request);
}
