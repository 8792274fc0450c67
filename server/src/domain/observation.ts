import type { JobComponent } from './component.ts';
import type { EvidenceSource } from './evidence.ts';
import type { JobState } from './job-state.ts';

/** What a cluster said of one job at one moment. */
export interface JobObservation {
  readonly source: EvidenceSource;
  /** "1234", or "1234_7" for an array task; of a heterogeneous job the leader's. */
  readonly slurmJobId: string;
  /** The job's name in Slurm, by which it is known to be ours and not an older job with the same number. */
  readonly slurmName: string;
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
  /** Of a heterogeneous job: what was said of each component, by offset; one may be missing. Else empty. */
  readonly components: readonly JobComponent[];
}
