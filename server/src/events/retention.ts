import type { Logger } from '../telemetry/index.ts';
import type { Journal } from './journal.ts';

/** How many events are kept, and for how long: at most about a gigabyte of the store. */
export const KEPT_EVENTS = 1_000_000;
export const KEPT_DAYS = 90;
const INTERVAL_MS = 3600_000;
const DAY_MS = 24 * 3600_000;

/** The most that is removed by age for each hour that the server runs, because its clock may be wrong by years. */
const PACE = 2;

/**
 * Bounds the log of events, every hour. Events that are old by this machine's clock are removed at most twice as fast
 * as the server runs, so that a clock that is ahead can be corrected in time.
 */
export class EventRetention {
  readonly #journal: Journal;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  /** The time of the oldest event when one was first found, and when that was on the monotonic clock; in ms. */
  #first: { readonly at: number; readonly seenAt: number } | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(journal: Journal, log: Logger) {
    this.#journal = journal;
    this.#log = log;
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #look(): void {
    this.#running = this.#forget().catch((cause: unknown) =>
      this.#log.error({ err: cause }, 'Old events could not be removed'),
    );
  }

  async #forget(): Promise<void> {
    const seenAt = performance.now();
    const oldestAt = await this.#journal.oldestAt();
    if (oldestAt === null) return;
    this.#first ??= { at: oldestAt.getTime(), seenAt };
    const reached = this.#first.at + PACE * (seenAt - this.#first.seenAt);
    const since = new Date(Math.min(Date.now() - KEPT_DAYS * DAY_MS, reached));
    await this.#journal.forget({ kept: KEPT_EVENTS, since });
  }
}
