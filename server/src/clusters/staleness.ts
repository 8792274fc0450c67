import type { Job } from '../domain/job.ts';

/** Nothing has been heard from a cluster for so many poll intervals: what is shown of its jobs may be out of date. */
const STALE_INTERVALS = 3;

export interface StalenessOptions {
  readonly pollIntervalSeconds: number;
  /** When Slurm last gave an answer to anything; null: not since the server's start. */
  lastHeardAt(): Date | null;
  /** The cluster's active jobs, those that have been active for the longest first. */
  active(): ReadonlyMap<string, Job>;
  /** It has become stale, or is no longer; at most one poll interval late. */
  onChange(): void;
}

/** Whether what is known of a cluster's active jobs is out of date. */
export class Staleness {
  readonly #options: StalenessOptions;
  #wasStale = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StalenessOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#options.pollIntervalSeconds * 1000);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** A cluster without active jobs is not asked, so nothing of it is out of date. */
  get isStale(): boolean {
    const [oldest] = this.#options.active().values();
    if (oldest === undefined) return false;
    const heardAt = Math.max(this.#options.lastHeardAt()?.getTime() ?? 0, oldest.submittedAt.getTime());
    return Date.now() - heardAt > STALE_INTERVALS * this.#options.pollIntervalSeconds * 1000;
  }

  #look(): void {
    const { isStale } = this;
    if (isStale === this.#wasStale) return;
    this.#wasStale = isStale;
    this.#options.onChange();
  }
}
