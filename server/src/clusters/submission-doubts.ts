/** Longer than sbatch or tar can run, for when this login node can't see whether it runs on another. */
export const ABANDONED_MS = 15 * 60_000;

/** What is known of a submission whose answer was lost, by the monotonic clock. */
interface Doubt {
  readonly since: number;
  /** The first look that showed no job and sbatch over. */
  absentSince: number | null;
}

/** Submissions that Slurm may or may not have taken, by job. Only two looks far apart prove that it did not. */
export class SubmissionDoubts {
  readonly #certainlyAbsentMs: number;
  readonly #doubts = new Map<string, Doubt>();

  /** `certainlyAbsentMs`: a job that Slurm doesn't show in two looks this far apart was never taken. */
  constructor(certainlyAbsentMs: number) {
    this.#certainlyAbsentMs = certainlyAbsentMs;
  }

  /** A look at the cluster showed no job; `sbatch`: what became of the command, which may run on another login node. */
  foundNothing(jobId: string, sbatch: 'over' | 'running' | 'elsewhere', now: number): void {
    const doubt = this.#doubts.get(jobId) ?? { since: now, absentSince: null };
    this.#doubts.set(jobId, doubt);
    // What seems to run for longer than it can is another process that has got its number.
    const isOver = sbatch === 'over' || now - doubt.since >= ABANDONED_MS;
    doubt.absentSince = isOver ? (doubt.absentSince ?? now) : null;
  }

  /** Whether it is certain that Slurm never took it. */
  isAbsent(jobId: string, now: number): boolean {
    const since = this.#doubts.get(jobId)?.absentSince ?? null;
    return since !== null && now - since >= this.#certainlyAbsentMs;
  }

  /** The outcome is known, or the job is submitted again. */
  settle(jobId: string): void {
    this.#doubts.delete(jobId);
  }
}
