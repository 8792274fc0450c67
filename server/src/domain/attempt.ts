import type { Job } from './job.ts';

/** One run of a job between requeues. */
export interface JobAttempt {
  /** 1 is the first. */
  readonly number: number;
  /** Slurm's own word for how it ended; null: it hasn't ended, or Slurm's accounting hasn't reported it yet. */
  readonly outcome: string | null;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly nodeList: string | null;
}

/** The attempt that a job is in, or ended with. */
export function currentAttempt(job: Job): JobAttempt {
  return {
    number: job.attempt,
    outcome: job.endedAt === null ? null : (job.evidence?.word ?? null),
    exitCode: job.exitCode,
    signal: job.signal,
    startedAt: job.startedAt,
    endedAt: job.endedAt,
    nodeList: job.nodeList,
  };
}
