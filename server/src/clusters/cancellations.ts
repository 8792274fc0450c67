import pLimit from 'p-limit';
import { isArray, type Job } from '../domain/job.ts';
import { ownerId } from '../domain/observation.ts';
import type { Journal } from '../events/index.ts';
import { mentions, type SlurmControl, type SlurmQueue } from '../slurm/index.ts';
import type { Logger } from '../telemetry/index.ts';

export interface CancellationsOptions {
  readonly clusterName: string;
  readonly slurm: { readonly control: Pick<SlurmControl, 'cancel'>; readonly queue: SlurmQueue };
  readonly journal: Pick<Journal, 'active'>;
  readonly log: Logger;
}

export type Cancelled = Pick<Job, 'id' | 'arrayParentId' | 'slurmJobId'>;

/** Sends recorded requests to cancel to Slurm, and again if one may have been lost. */
export class Cancellations {
  readonly #options: CancellationsOptions;
  #isOwed = false;
  readonly #turn = pLimit(1);
  /** What goes with the next look at the queue. */
  #next: { readonly jobs: Cancelled[]; readonly sent: Promise<void> } | null = null;

  constructor(options: CancellationsOptions) {
    this.#options = options;
  }

  /** A request may not have reached Slurm. */
  get isOwed(): boolean {
    return this.#isOwed;
  }

  /**
   * With one command for all jobs, after a look at the queue: another job may have the number, as when Slurm lost its state
   * and counts from 1 again, or the login node is that of another cluster now. Requests that come during a look share the
   * next one, and its command: a queue may be long, and however many cancel, one is read and held at a time. Never throws.
   */
  cancel(jobs: readonly Cancelled[]): Promise<void> {
    if (this.#next === null) {
      const all: Cancelled[] = [];
      const sent = this.#turn(() => {
        this.#next = null;
        return this.#sendSeen(all);
      });
      this.#next = { jobs: all, sent };
    }
    for (const job of jobs) this.#next.jobs.push(job);
    return this.#next.sent;
  }

  async #sendSeen(jobs: readonly Cancelled[]): Promise<void> {
    await this.#send(jobs, async () => {
      const there = jobs.filter(await this.#look());
      // What Slurm doesn't show is over, which the poller finds out, or shows again.
      if (there.length < jobs.length) this.#isOwed = true;
      return there;
    });
  }

  /** The same for a job whose number Slurm has told just now, so that a short one doesn't end before. */
  async cancelNew(job: Cancelled): Promise<void> {
    await this.#send([job], async () => [job]);
  }

  async #send(jobs: readonly Cancelled[], chosen: () => Promise<readonly Cancelled[]>): Promise<void> {
    const { clusterName, slurm, log } = this.#options;
    try {
      const slurmJobIds = (await chosen()).flatMap(({ slurmJobId }) => slurmJobId ?? []);
      if (slurmJobIds.length > 0) await slurm.control.cancel([...new Set(slurmJobIds)]);
    } catch (cause) {
      this.#isOwed = true;
      const slurmJobIds = jobs.flatMap(({ slurmJobId }) => slurmJobId ?? []);
      log.warn({ err: cause, slurmJobIds }, `${clusterName}: jobs could not be cancelled yet`);
    }
  }

  /** Sends all recorded requests: scancel ignores jobs that are over. Never throws. */
  async repeat(): Promise<void> {
    const { clusterName, journal } = this.#options;
    this.#isOwed = false;
    // An array is cancelled task by task: one of them may have been requeued since.
    const requested = [...journal.active(clusterName).values()].filter(
      (job) => job.cancelRequestedAt !== null && job.slurmJobId !== null && !isArray(job),
    );
    if (requested.length > 0) await this.cancel(requested);
  }

  /** Whether Slurm holds a job, by its number and its batch script; of an array or a task, any task. */
  async #look(): Promise<(job: Cancelled) => boolean> {
    const { observations, shared, faultyRows } = await this.#options.slurm.queue.snapshot();
    const seen = new Set<string>();
    for (const one of observations) seen.add(`${one.ownerId ?? one.directoryJobId} ${numberOf(one.slurmJobId)}`);
    for (const one of shared) seen.add(`${one.ownerId ?? one.directoryJobId} ${one.slurmArrayId}`);
    // A row that can't be read may still show whose it is.
    const isMentioned = mentions(faultyRows);
    return (job) =>
      seen.has(`${ownerId(job)} ${numberOf(job.slurmJobId ?? '')}`) || isMentioned({ ...job, slurmJobId: null });
  }
}

/** The number that tasks, and components, have in common. */
function numberOf(slurmJobId: string): string {
  return /^\d*/.exec(slurmJobId)?.[0] ?? '';
}
