import { isArray } from '../domain/job.ts';
import type { Journal } from '../events/index.ts';
import type { SlurmControl } from '../slurm/index.ts';
import type { Logger } from '../telemetry/index.ts';

export interface CancellationsOptions {
  readonly clusterName: string;
  readonly slurm: Pick<SlurmControl, 'cancel'>;
  readonly journal: Pick<Journal, 'active'>;
  readonly log: Logger;
}

/** Sends recorded requests to cancel to Slurm, and again if one may have been lost. */
export class Cancellations {
  readonly #options: CancellationsOptions;
  #isOwed = false;

  constructor(options: CancellationsOptions) {
    this.#options = options;
  }

  /** A request may not have reached Slurm. */
  get isOwed(): boolean {
    return this.#isOwed;
  }

  /** With one command for all jobs. Never throws. */
  async cancel(slurmJobIds: readonly string[]): Promise<void> {
    const { clusterName, slurm, log } = this.#options;
    try {
      await slurm.cancel(slurmJobIds);
    } catch (cause) {
      this.#isOwed = true;
      log.warn({ err: cause, slurmJobIds }, `${clusterName}: jobs could not be cancelled yet`);
    }
  }

  /** Sends all recorded requests: scancel ignores jobs that are over. Never throws. */
  async repeat(): Promise<void> {
    const { clusterName, journal } = this.#options;
    this.#isOwed = false;
    // An array is cancelled task by task: one of them may have been requeued since.
    const slurmJobIds = [...journal.active(clusterName).values()].flatMap((job) =>
      job.cancelRequestedAt === null || isArray(job) ? [] : (job.slurmJobId ?? []),
    );
    if (slurmJobIds.length > 0) await this.cancel(slurmJobIds);
  }
}
