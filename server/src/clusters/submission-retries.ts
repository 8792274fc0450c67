export interface RetryPauses {
  /** Between two looks at all jobs, in ms: a first fault is met with the next one, then the pauses double from here. */
  readonly retryMs: number;
  readonly longestRetryMs: number;
  /** So long a job is tried again, then it is given up. */
  readonly givenUpMs: number;
}

/** The faults of a job in a row. */
interface Row {
  readonly since: number;
  readonly last: number;
  readonly count: number;
  /** When it may be tried again. */
  readonly due: number;
}

/** So many of the longest pauses without a fault, as while the cluster can't be reached, and a row has ended. */
const ENDS_ROW = 4;

/**
 * Jobs that can't be submitted because of faults that are neither theirs nor a Slurm's that is away: those of the login
 * node, its disks, and the way to Slurm. They are tried again at growing intervals. By the monotonic clock.
 */
export class SubmissionRetries {
  readonly #pauses: RetryPauses;
  readonly #rows = new Map<string, Row>();
  /** The one that was made due to see whether what keeps such jobs is over. */
  #probe: string | null = null;

  constructor(pauses: RetryPauses) {
    this.#pauses = pauses;
  }

  /** An attempt met such a fault. True: it has for so long that the job is given up. */
  failed(jobId: string, now: number): boolean {
    const { retryMs, longestRetryMs, givenUpMs } = this.#pauses;
    const known = this.#rows.get(jobId);
    const before = known !== undefined && now - known.last <= ENDS_ROW * longestRetryMs ? known : undefined;
    const count = before?.count ?? 0;
    const since = before?.since ?? now;
    const due = now + Math.min(retryMs * (2 ** count - 1), longestRetryMs);
    this.#rows.set(jobId, { since, last: now, count: count + 1, due });
    if (this.#probe === jobId) this.#probe = null;
    return now - since >= givenUpMs;
  }

  isDue(jobId: string, now: number): boolean {
    return now >= (this.#rows.get(jobId)?.due ?? 0);
  }

  /** Whether its last attempt met such a fault. */
  isFaulty(jobId: string): boolean {
    return this.#rows.has(jobId);
  }

  /** What keeps them may be over: all are due. */
  hurry(): void {
    for (const jobId of this.#rows.keys()) this.#makeDue(jobId);
  }

  /**
   * Slurm took a job. Where it was one of these, what kept the others may be over, too. Any other tells less, as the fault may
   * be of these jobs alone: one of them is due, which has waited longest, and no other before that one is through.
   */
  accepted(jobId: string): void {
    if (this.#rows.delete(jobId)) {
      this.#probe = null;
      this.hurry();
    } else if (this.#probe === null) {
      const [oldest] = [...this.#rows].toSorted(([, one], [, other]) => one.last - other.last);
      if (oldest === undefined) return;
      [this.#probe] = oldest;
      this.#makeDue(this.#probe);
    }
  }

  #makeDue(jobId: string): void {
    const row = this.#rows.get(jobId);
    if (row !== undefined) this.#rows.set(jobId, { ...row, due: 0 });
  }

  /** A job is no longer being submitted. */
  drop(jobId: string): void {
    this.#rows.delete(jobId);
    if (this.#probe === jobId) this.#probe = null;
  }

  /** Drops what is known of all jobs that are no longer being submitted. */
  keepOnly(isLeft: (jobId: string) => boolean): void {
    for (const jobId of this.#rows.keys()) if (!isLeft(jobId)) this.drop(jobId);
  }
}
