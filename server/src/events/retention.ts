import type { Logger } from '../telemetry/index.ts';
import type { Journal } from './journal.ts';

/** So many events are kept, and none for longer: about a gigabyte of the store at most. */
export const KEPT_EVENTS = 1_000_000;
export const KEPT_DAYS = 90;
const INTERVAL_MS = 3600_000;
const DAY_MS = 24 * 3600_000;

/** Keeps the log of events from growing without an end: looks through it every hour. */
export class EventRetention {
  readonly #journal: Journal;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
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
    const since = new Date(Date.now() - KEPT_DAYS * DAY_MS);
    this.#running = this.#journal
      .forget({ kept: KEPT_EVENTS, since })
      .catch((cause: unknown) => this.#log.error({ err: cause }, 'Old events could not be removed'));
  }
}
