import type { JobAllocation } from './allocation.ts';
import type { JobComponent } from './component.ts';
import type { JobEvidence } from './evidence.ts';
import { isActiveState, type JobState } from './job-state.ts';
import type { JobResources } from './resources.ts';

/**
 * One job, or one task of an array. The batch script is not part of it: it is large, rarely asked for, and read
 * by `JobReader.scripts`.
 */
export interface Job {
  /** A ULID, so that ids sort by age. */
  readonly id: string;
  readonly name: string;
  /** The name that the job got in Slurm, where its owner may change it. */
  readonly slurmName: string;
  readonly projectId: string | null;
  readonly clusterName: string;
  readonly submittedBy: string;
  /** "1234", or "1234_7" for an array task; null until sbatch has answered. */
  readonly slurmJobId: string | null;
  readonly state: JobState;
  /** Null until Slurm has reported it, and for an array, whose state follows from its tasks. */
  readonly evidence: JobEvidence | null;
  readonly reason: string | null;
  /** Null while it runs, when it never ran, and when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: number | null;
  /** 1, plus one for each requeue. */
  readonly attempt: number;
  readonly description: string | null;
  /** What users sort it by, each once, in the order in which they were given. */
  readonly tags: readonly string[];
  readonly basedOnId: string | null;
  readonly isArchived: boolean;
  readonly command: string;
  readonly gitCommit: string | null;
  readonly hasUncommittedChanges: boolean;
  /** Absolute, on the cluster; null until the cluster has been asked where the workspace is. */
  readonly workDir: string | null;
  readonly partition: string | null;
  /** Those of the first component for a heterogeneous job. */
  readonly resources: JobResources;
  /** The components of a heterogeneous job, the leader first. Empty for every other job. */
  readonly components: readonly JobComponent[];
  readonly nodeList: string | null;
  /** Null before it runs, for an array, and if Slurm doesn't report it. */
  readonly allocated: JobAllocation | null;
  readonly submittedAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly estimatedStartAt: Date | null;
  readonly cancelRequestedAt: Date | null;
  readonly arrayParentId: string | null;
  readonly arrayTaskId: number | null;
  /** Increases with each recorded job. Null until this one is recorded, and for array tasks. */
  readonly number: number | null;
}

/** Whole seconds on the nodes so far; null before the start, and if the end was not seen. */
export function elapsedSeconds(job: Pick<Job, 'state' | 'startedAt' | 'endedAt'>, now: Date): number | null {
  const end = job.endedAt ?? (isActiveState(job.state) ? now : null);
  if (job.startedAt === null || end === null) return null;
  return Math.max(0, Math.floor((end.getTime() - job.startedAt.getTime()) / 1000));
}

/**
 * Whole seconds from the submission to the first start, to the end without one, or to now; null when it is over and
 * nobody saw it start or end. `startedBefore`: when the first of its earlier attempts began.
 */
export function waitedSeconds(
  job: Pick<Job, 'state' | 'submittedAt' | 'startedAt' | 'endedAt'>,
  startedBefore: Date | null,
  now: Date,
): number | null {
  const end = startedBefore ?? job.startedAt ?? job.endedAt ?? (isActiveState(job.state) ? now : null);
  return end === null ? null : Math.max(0, Math.floor((end.getTime() - job.submittedAt.getTime()) / 1000));
}

/** A task carries its index; an array itself carries the index list it was submitted with. */
export function isArray(job: Pick<Job, 'resources' | 'arrayTaskId'>): boolean {
  return job.resources.array !== null && job.arrayTaskId === null;
}

/** What a task has of its array, also after that has changed. */
export type WordsOfArray = Pick<Job, 'name' | 'description' | 'tags' | 'command'>;

/** A task with the very texts of its array: tens of thousands of tasks hold them once, and not each its own. */
export function withWordsOf({ name, description, tags, command }: WordsOfArray, task: Job): Job {
  return { ...task, name, description, tags, command };
}

/** The path of a log file on the job's cluster; null while its `workDir` is not known. */
export function logPath(job: Pick<Job, 'workDir' | 'arrayTaskId'>, stream: LogStream): string | null {
  if (job.workDir === null) return null;
  const base = stream === 'STDOUT' ? 'stdout' : 'stderr';
  return `${job.workDir}/${base}${job.arrayTaskId === null ? '' : `-${job.arrayTaskId}`}.log`;
}

/** Where the batch script records how the job's last attempt ended, and the lengths of its logs. */
export function endRecordPath(job: Pick<Job, 'workDir' | 'arrayTaskId' | 'attempt'>): string | null {
  return job.workDir === null ? null : `${job.workDir}/run/${job.arrayTaskId ?? 'job'}.${job.attempt - 1}.end`;
}

export const LOG_STREAMS = ['STDOUT', 'STDERR'] as const;
export type LogStream = (typeof LOG_STREAMS)[number];
