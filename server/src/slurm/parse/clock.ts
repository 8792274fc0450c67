import { UnreadableAnswer } from '../errors.ts';
import { timeValue } from './values.ts';

/** Below it, the whole seconds that the cluster tells explain the difference, and it doesn't matter. */
const NOTICEABLE_MS = 5000;

/** The year 2090: what has happened lies before it, and all seconds of a job that has run until then have 31 bits. */
const LATEST_PAST_MS = Date.UTC(2090);

/** A cluster's clock as this server's sees it. */
export class ClusterClock {
  #aheadMs = 0;

  /** How far the cluster is ahead, in ms; 0 within seconds. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /**
   * The cluster told its time (ms since 1970; null: it did not) in answer to a question that was sent at `askedAt`. It
   * may have done so at any moment until now: an answer that came slowly tells little.
   */
  compare(clusterMs: number | null, askedAt: number): void {
    if (clusterMs === null) return;
    const least = clusterMs - Date.now() - NOTICEABLE_MS;
    const most = clusterMs - askedAt + NOTICEABLE_MS;
    const isPossible = (aheadMs: number) => least < aheadMs && aheadMs < most;
    // It changes by steps only, so that the times of a job don't waver from one answer to the next.
    if (isPossible(this.#aheadMs)) return;
    this.#aheadMs = isPossible(0) ? 0 : Math.round((least + most) / 2000) * 1000;
  }

  /**
   * Epoch seconds by the cluster's clock as an instant by this server's; null for `N/A`, `Unknown` and 0. Throws
   * UnreadableAnswer for what is no time.
   */
  instant(text: string): Date | null {
    const instant = timeValue(text);
    if (instant === null || this.#aheadMs === 0) return instant;
    // By a clock that has jumped, it may seem to be from before there were any.
    return new Date(Math.max(0, instant.getTime() - this.#aheadMs));
  }

  /** The same of what has happened. */
  pastInstant(text: string): Date | null {
    const instant = this.instant(text);
    if (instant !== null && instant.getTime() > LATEST_PAST_MS) {
      throw new UnreadableAnswer(`${text} is no time at which anything can have happened`);
    }
    return instant;
  }
}

/** A cluster whose clock goes as this server's does. */
export const SAME_CLOCK = new ClusterClock();
