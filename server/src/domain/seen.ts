import type { JobAllocation } from './allocation.ts';
import type { JobState } from './job-state.ts';

/** What Slurm shows of a job, or of one component of it, at one moment. */
export interface Seen {
  /** Null: Slurm used a word that we don't know, so the last known state holds. */
  readonly state: JobState | null;
  /** Slurm's own word; null where the source has none. */
  readonly word: string | null;
  readonly reason: string | null;
  /** Null unless it has ended, and when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: number | null;
  /** 1, and one more for each requeue; null when the source doesn't tell. */
  readonly attempt: number | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly estimatedStartAt: Date | null;
  readonly nodeList: string | null;
  readonly partition: string | null;
  /** Null unless it runs or has run, or when the source doesn't tell. */
  readonly allocated: JobAllocation | null;
}
