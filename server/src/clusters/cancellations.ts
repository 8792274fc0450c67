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

/** Brings requests to cancel, which are recorded, to Slurm: again where a fault may have swallowed one. */
export class Cancellations {
  readonly #options: CancellationsOptions;
  #isOwed = false;

  constructor(options: CancellationsOptions) {
    this.#options = options;
  }

  /** A request didn't arrive. */
  get isOwed(): boolean {
    return this.#isOwed;
  }

  /** With one command for all. Never throws. */
  async cancel(slurmJobIds: readonly string[]): Promise<void> {
    const { clusterName, slurm, log } = this.#options;
    try {
      await slurm.cancel(slurmJobIds);
    } catch (cause) {
      this.#isOwed = true;
      log.warn({ err: cause, slurmJobIds }, `${clusterName}: jobs could not be cancelled yet`);
    }
  }

  /** All that are recorded: scancel does nothing for jobs that are over. Never throws. */
  async repeat(): Promise<void> {
    const { clusterName, journal } = this.#options;
    this.#isOwed = false;
    // An array is cancelled by its tasks: one of them may have been requeued since.
    const slurmJobIds = [...journal.active(clusterName).values()].flatMap((job) =>
      job.cancelRequestedAt === null || isArray(job) ? [] : (job.slurmJobId ?? []),
    );
    if (slurmJobIds.length > 0) await this.cancel(slurmJobIds);
  }
}
