import type { JobComponent } from './component.ts';
import type { EvidenceSource } from './evidence.ts';
import type { Job } from './job.ts';
import type { Seen } from './seen.ts';
import type { TaskList } from './task-list.ts';

/** What a cluster reported at one moment, of whatever has a number. */
export interface Report extends Seen {
  readonly source: EvidenceSource;
  /**
   * The job of ours whose batch script it runs, an array for its tasks: what it is known by, since Slurm uses numbers
   * again and lets its owner change nearly all else. Null where the source doesn't show it.
   */
  readonly ownerId: string | null;
  /** The job in whose directory it runs, which counts only where `ownerId` is null, and together with the number. */
  readonly directoryJobId: string | null;
  /** The components of a heterogeneous job that were reported, by offset; some may be missing. Empty for every other job. */
  readonly components: readonly JobComponent[];
}

/** What a cluster reported about one job at one moment. */
export interface JobObservation extends Report {
  /** "1234", or "1234_7" for an array task; for a heterogeneous job, the leader's. */
  readonly slurmJobId: string;
}

/** The same of several tasks of one array at once, such as those that wait. */
export interface TasksObservation extends Report {
  /** "1234". */
  readonly slurmArrayId: string;
  readonly tasks: TaskList;
}

/** What it says of one of its tasks. */
export function taskOf({ slurmArrayId, tasks: _, ...said }: TasksObservation, index: number): JobObservation {
  return { ...said, slurmJobId: `${slurmArrayId}_${index}` };
}

/** Whether what Slurm shows under a number is this job, rather than another one that has or had the number. */
export function isOf(
  seen: Pick<Report, 'ownerId' | 'directoryJobId'>,
  job: Pick<Job, 'id' | 'arrayParentId'>,
): boolean {
  return (seen.ownerId ?? seen.directoryJobId) === ownerId(job);
}

/** The job whose batch script a job runs; for a task, its array. */
export function ownerId(job: Pick<Job, 'id' | 'arrayParentId'>): string {
  return job.arrayParentId ?? job.id;
}
