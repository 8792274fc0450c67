import type { Journal } from '../events/index.ts';
import { recordReason } from './submission-outcome.ts';

/** Why the last attempt to submit each job failed, where the cluster is at fault and not the job. */
export class SubmissionFaults {
  readonly #journal: Journal;
  readonly #onFault: (fault: string | null) => void;
  /** By job. */
  readonly #faults = new Map<string, string>();
  /** The job whose fault is told: the last that failed, and once that is through, any. */
  #told: string | null = null;

  /** `onFault` is called whenever the fault that is told may have changed, with null for none. */
  constructor(journal: Journal, onFault: (fault: string | null) => void) {
    this.#journal = journal;
    this.#onFault = onFault;
  }

  /** The last attempt to submit it failed, and Slurm has answered no job since. */
  has(jobId: string): boolean {
    return this.#faults.has(jobId);
  }

  /** An attempt failed; the job says why. */
  async failed(jobId: string, message: string): Promise<void> {
    this.#faults.set(jobId, message);
    this.#told = jobId;
    await recordReason(this.#journal, jobId, message);
    this.#tell();
  }

  /** Slurm has taken or refused a job: earlier faults are gone, or will show again. */
  answered(): void {
    this.#faults.clear();
    this.#tell();
  }

  /** A job is no longer being submitted. */
  drop(jobId: string): void {
    this.#faults.delete(jobId);
    this.#tell();
  }

  /** Drops the faults of all jobs that are no longer being submitted. */
  keepOnly(isLeft: (jobId: string) => boolean): void {
    // What is told of the others is not repeated: a new connection may have repaired it.
    for (const id of this.#faults.keys()) if (!isLeft(id)) this.drop(id);
  }

  /** However many jobs wait, it looks at one. */
  #tell(): void {
    if (this.#told !== null && !this.#faults.has(this.#told)) this.#told = null;
    this.#told ??= this.#faults.keys().next().value ?? null;
    this.#onFault(this.#faults.get(this.#told ?? '') ?? null);
  }
}
