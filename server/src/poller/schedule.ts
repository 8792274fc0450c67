/** When to query after a submission or cancellation; seconds after the action. */
const FOLLOW_UP_SECONDS = [1, 3, 6, 12, 24] as const;
/** When to query jobs that are ending again; seconds after the query that showed it, one at a time. */
const ENDING_SECONDS = [1, 2, 4, 8] as const;
/** A job's script records its end a moment before Slurm knows of it. */
const NOTICE_SECONDS = 0.3;
/** Queries because of such records: how many at once, and the long-run interval in seconds. */
const NOTICES_AT_ONCE = 8;
const SECONDS_A_NOTICE = 4;
/** Only lengthens the interval, so that the configured load is never exceeded. */
const JITTER = 0.2;
const MAX_BACK_OFF_SECONDS = 600;
/** The largest share of the time that queries may take. */
const MAX_LOAD = 1 / 20;

export interface ScheduleOptions {
  readonly intervalSeconds: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/**
 * When to query a cluster next: at an interval, sooner after a user's actions and when jobs record their ends, later
 * after faults and when answers are slow. All times in ms.
 */
export class PollSchedule {
  readonly #intervalMs: number;
  readonly #random: () => number;
  #followUps: number[] = [];
  #failures = 0;
  #latencyMs = 0;
  #endingLooks = 0;
  #notices = NOTICES_AT_ONCE;
  #noticesCountedAt = 0;

  constructor({ intervalSeconds, random = Math.random }: ScheduleOptions) {
    this.#intervalMs = intervalSeconds * 1000;
    this.#random = random;
  }

  /** The user has changed something on the cluster. */
  acted(now: number): void {
    this.#followUps = FOLLOW_UP_SECONDS.map((seconds) => now + seconds * 1000);
  }

  /** Jobs have begun or ended, as a file on the cluster shows. */
  noticed(now: number): void {
    this.#endingLooks = 0;
    const perMs = 1 / (SECONDS_A_NOTICE * 1000);
    this.#notices = Math.min(NOTICES_AT_ONCE, this.#notices + (now - this.#noticesCountedAt) * perMs);
    this.#noticesCountedAt = now;
    const at = now + NOTICE_SECONDS * 1000 + Math.max(0, (1 - this.#notices) / perMs);
    // One query answers all earlier notices.
    if (this.#followUps.some((planned) => planned > now && planned <= at)) return;
    this.#notices -= 1;
    this.#followUps.push(at);
  }

  /** The last query showed jobs that are ending. */
  ending(now: number): void {
    const seconds = ENDING_SECONDS[this.#endingLooks];
    if (seconds === undefined) return;
    this.#endingLooks += 1;
    this.#followUps.push(now + seconds * 1000);
  }

  /** The last query showed no job that is ending. */
  settled(): void {
    this.#endingLooks = 0;
  }

  answered(latencyMs: number): void {
    this.#failures = 0;
    this.#latencyMs = latencyMs;
  }

  failed(): void {
    this.#failures += 1;
  }

  /** The last query got no answer, so the next one waits longer. */
  get isBackedOff(): boolean {
    return this.#failures > 0;
  }

  /** Slurm answers again: earlier faults no longer count. */
  recovered(): void {
    this.#failures = 0;
  }

  /** How long to wait from now until the next query. */
  delay(now: number): number {
    const usual = Math.max(this.#intervalMs, Math.min(this.#latencyMs / MAX_LOAD, MAX_BACK_OFF_SECONDS * 1000));
    const backedOff = Math.min(usual * 2 ** this.#failures, MAX_BACK_OFF_SECONDS * 1000);
    const regular = Math.max(backedOff, usual) * (1 + JITTER * this.#random());
    this.#followUps = this.#followUps.filter((at) => at > now);
    const followUp = this.#failures === 0 ? Math.min(...this.#followUps) : Number.POSITIVE_INFINITY;
    return Math.min(regular, followUp - now);
  }
}
