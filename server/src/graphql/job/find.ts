import type { Job } from '../../domain/job.ts';
import type { GraphQLContext } from '../context.ts';
import { fault } from '../faults.ts';
import { localId } from '../ids.ts';

export interface JobName {
  readonly id?: string | null | undefined;
  readonly cluster?: string | null | undefined;
  readonly slurmJobId?: string | null | undefined;
}

/** The job with this id, or with this Slurm number on a cluster; null: there is none. */
export async function findJob(
  { reads, work, loaders }: Pick<GraphQLContext, 'reads' | 'work' | 'loaders'>,
  { id, cluster, slurmJobId }: JobName,
): Promise<Job | null> {
  if (id != null && cluster == null && slurmJobId == null) return loaders.job.load(localId(id, 'Job'));
  if (id != null || cluster == null || slurmJobId == null) {
    throw fault('BAD_USER_INPUT', 'Identify the job by id, or by cluster and slurmJobId');
  }
  const { number, component } = readNumber(slurmJobId);
  const found = await work.read(() => reads.jobs.inSlurm(cluster, [number], (some) => work.jobs(some)));
  // After a reset, Slurm's numbers start again: the newest job is meant.
  const [newest] = found.sort((left, right) => (left.id < right.id ? 1 : -1));
  if (newest === undefined || (component !== null && component >= newest.components.length)) return null;
  return newest;
}

/** "1234", "1234_7" for a task, or "1234+1" for a component, which is part of the job 1234. */
function readNumber(text: string): { readonly number: string; readonly component: number | null } {
  const [, job, task, component] = /^(\d{1,20})(?:_(\d{1,20})|\+(\d{1,20}))?$/.exec(text.trim()) ?? [];
  if (job === undefined) {
    const wanted = 'write "1234", "1234_7" for a task, or "1234+1" for a component';
    throw fault('BAD_USER_INPUT', `slurmJobId: ${JSON.stringify(text)} is not a Slurm job id: ${wanted}`);
  }
  const number = task === undefined ? plain(job) : `${plain(job)}_${plain(task)}`;
  return { number, component: component === undefined ? null : Number(component) };
}

/** Slurm writes numbers without zeros before them. */
function plain(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '');
}
