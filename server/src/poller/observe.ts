import { isArray, type Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { JobObservation } from '../domain/observation.ts';

/** A job as it is after what its cluster said of it. */
export function observed(job: Job, seen: JobObservation): Job {
  // A word we don't know says nothing, so what was known holds.
  if (seen.state === null) return job;
  const isOver = !isActiveState(seen.state);
  // A job that is cancelled while it waits gets a start time all the same, and no node.
  const hasRun = !isOver || seen.nodeList !== null;
  // Slurm shows code 0 for whatever it ended itself: only a job that completed has earned it.
  const exitCode = seen.exitCode === 0 && seen.state !== 'COMPLETED' ? null : seen.exitCode;
  return {
    ...job,
    // scancel works behind the scenes: until the end is seen, the job is being cancelled whatever it does meanwhile.
    state: !isOver && job.cancelRequestedAt !== null ? 'CANCELLING' : seen.state,
    reason: seen.state === 'COMPLETED' ? null : seen.reason,
    exitCode: isOver && hasRun ? exitCode : null,
    signal: isOver && hasRun ? seen.signal : null,
    attempt: seen.attempt ?? job.attempt,
    startedAt: hasRun ? seen.startedAt : null,
    endedAt: isOver ? seen.endedAt : null,
    estimatedStartAt: seen.estimatedStartAt,
    nodeList: seen.nodeList,
    partition: seen.partition ?? job.partition,
  };
}

/** A change of one job that is certain, whatever else becomes of the job before it is written. */
export interface JobUpdate {
  readonly jobId: string;
  apply(job: Job): Job;
}

export interface SnapshotDiff {
  readonly updates: readonly JobUpdate[];
  /** Jobs that Slurm took and that the whole snapshot doesn't show. */
  readonly missing: readonly Job[];
  /** Words for states that we don't know. */
  readonly unknownWords: ReadonlySet<string>;
}

/** Slurm has numbered it. An array's own row follows from its tasks and is never looked for. */
export function isInQueue(job: Job): boolean {
  return job.slurmJobId !== null && !isArray(job);
}

/**
 * Holds jobs that Slurm took against a whole snapshot of its queue. A number alone doesn't identify a job, since Slurm
 * uses numbers again: the name has to be ours too.
 */
export function diffSnapshot(jobs: readonly Job[], observations: readonly JobObservation[]): SnapshotDiff {
  const seenById = new Map(observations.map((seen) => [seen.slurmJobId, seen]));
  const updates: JobUpdate[] = [];
  const missing: Job[] = [];
  const unknownWords = new Set<string>();
  for (const job of jobs) {
    const seen = seenById.get(job.slurmJobId ?? '');
    if (seen === undefined || seen.slurmName !== job.slurmName) {
      missing.push(job);
      continue;
    }
    if (seen.state === null) unknownWords.add(seen.word);
    updates.push({ jobId: job.id, apply: (current) => observed(current, seen) });
  }
  return { updates, missing, unknownWords };
}
