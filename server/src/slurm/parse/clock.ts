import { UnreadableAnswer } from '../errors.ts';
import { timeValue } from './values.ts';

/** A smaller difference may come from the cluster's whole seconds, and doesn't matter. */
const NOTICEABLE_MS = 5000;

/** The year 2090: every event lies before it, and the run time of a job that lasts until then fits in 31 bits. */
const LATEST_PAST_MS = Date.UTC(2090);

/** A cluster's clock compared with this server's. */
export class ClusterClock {
  #aheadMs = 0;

  /** How far the cluster is ahead, in ms; 0 within seconds. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /**
   * The cluster reported its time (ms since 1970; null: it did not) in answer to a query sent at `askedAt`. It may have
   * read its clock at any moment until now, so a slow answer proves little.
   */
  compare(clusterMs: number | null, askedAt: number): void {
    if (clusterMs === null) return;
    const least = clusterMs - Date.now() - NOTICEABLE_MS;
    const most = clusterMs - askedAt + NOTICEABLE_MS;
    const isPossible = (aheadMs: number) => least < aheadMs && aheadMs < most;
    // It changes only in steps, so that the times of a job don't vary from answer to answer.
    if (isPossible(this.#aheadMs)) return;
    this.#aheadMs = isPossible(0) ? 0 : Math.round((least + most) / 2000) * 1000;
  }

  /**
   * Epoch seconds by the cluster's clock as an instant by this server's; null for `N/A`, `Unknown` and 0. Throws
   * UnreadableAnswer for anything else.
   */
  instant(text: string): Date | null {
    const instant = timeValue(text);
    if (instant === null || this.#aheadMs === 0) return instant;
    // After the clock has jumped, a time may lie before 1970.
    return new Date(Math.max(0, instant.getTime() - this.#aheadMs));
  }

  /** The same for a time in the past. */
  pastInstant(text: string): Date | null {
    const instant = this.instant(text);
    if (instant !== null && instant.getTime() > LATEST_PAST_MS) {
      throw new UnreadableAnswer(`${text} is no time at which anything can have happened`);
    }
    return instant;
  }
}

/** The clock of a cluster that agrees with this server's. */
export const SAME_CLOCK = new ClusterClock();
