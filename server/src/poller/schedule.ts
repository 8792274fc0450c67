/** After one's own submit or cancel, when to look whether it took effect; seconds after the action. */
const FOLLOW_UP_SECONDS = [1, 3, 6, 12, 24] as const;
const JITTER = 0.2;
const MAX_BACK_OFF_SECONDS = 600;

export interface ScheduleOptions {
  readonly intervalSeconds: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** When to ask a cluster next: regularly, sooner after one's own actions, later after faults. All times in ms. */
export class PollSchedule {
  readonly #intervalMs: number;
  readonly #random: () => number;
  #followUps: number[] = [];
  #failures = 0;

  constructor({ intervalSeconds, random = Math.random }: ScheduleOptions) {
    this.#intervalMs = intervalSeconds * 1000;
    this.#random = random;
  }

  /** The user has changed something on the cluster. */
  acted(now: number): void {
    this.#followUps = FOLLOW_UP_SECONDS.map((seconds) => now + seconds * 1000);
  }

  answered(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures += 1;
  }

  /** How long to wait from now on until the next question. */
  delay(now: number): number {
    const jitter = 1 - JITTER + 2 * JITTER * this.#random();
    const backedOff = Math.min(this.#intervalMs * 2 ** this.#failures, MAX_BACK_OFF_SECONDS * 1000);
    const regular = Math.max(backedOff, this.#intervalMs) * jitter;
    this.#followUps = this.#followUps.filter((at) => at > now);
    const followUp = this.#failures === 0 ? this.#followUps[0] : undefined;
    return followUp === undefined ? regular : Math.min(regular, followUp - now);
  }
}
