/** After one's own submit or cancel, when to look whether it took effect; seconds after the action. */
const FOLLOW_UP_SECONDS = [1, 3, 6, 12, 24] as const;
/** When to look again at jobs whose end has begun; seconds after the look that found it so, one look at a time. */
const ENDING_SECONDS = [1, 2, 4, 8] as const;
/** A job's script writes of its end a moment before Slurm knows of it. */
const NOTICE_SECONDS = 0.3;
/** Looks because of such notices: so many at once, and in the long run one every so many seconds. */
const NOTICES_AT_ONCE = 8;
const SECONDS_A_NOTICE = 4;
/** The interval only grows by it, so that what is promised to the cluster is kept. */
const JITTER = 0.2;
const MAX_BACK_OFF_SECONDS = 600;
/** A question may take up at most this share of the time. */
const MAX_LOAD = 1 / 20;

export interface ScheduleOptions {
  readonly intervalSeconds: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/**
 * When to ask a cluster next: regularly, sooner after one's own actions and when jobs tell of their ends, later after
 * faults and when answers take long. All times in ms.
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

  /** Jobs have begun or ended, says the cluster's file system. */
  noticed(now: number): void {
    this.#endingLooks = 0;
    const perMs = 1 / (SECONDS_A_NOTICE * 1000);
    this.#notices = Math.min(NOTICES_AT_ONCE, this.#notices + (now - this.#noticesCountedAt) * perMs);
    this.#noticesCountedAt = now;
    const at = now + NOTICE_SECONDS * 1000 + Math.max(0, (1 - this.#notices) / perMs);
    // One look answers all notices that came before it.
    if (this.#followUps.some((planned) => planned > now && planned <= at)) return;
    this.#notices -= 1;
    this.#followUps.push(at);
  }

  /** The last look found jobs on their way to an end. */
  ending(now: number): void {
    const seconds = ENDING_SECONDS[this.#endingLooks];
    if (seconds === undefined) return;
    this.#endingLooks += 1;
    this.#followUps.push(now + seconds * 1000);
  }

  /** The last look found no job that is about to end. */
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

  /** The last question got no answer, so that the next one waits for longer than usual. */
  get isBackedOff(): boolean {
    return this.#failures > 0;
  }

  /** Slurm has shown that it answers again: what went wrong before counts no more. */
  recovered(): void {
    this.#failures = 0;
  }

  /** How long to wait from now on until the next question. */
  delay(now: number): number {
    const usual = Math.max(this.#intervalMs, Math.min(this.#latencyMs / MAX_LOAD, MAX_BACK_OFF_SECONDS * 1000));
    const backedOff = Math.min(usual * 2 ** this.#failures, MAX_BACK_OFF_SECONDS * 1000);
    const regular = Math.max(backedOff, usual) * (1 + JITTER * this.#random());
    this.#followUps = this.#followUps.filter((at) => at > now);
    const followUp = this.#failures === 0 ? Math.min(...this.#followUps) : Number.POSITIVE_INFINITY;
    return Math.min(regular, followUp - now);
  }
}
