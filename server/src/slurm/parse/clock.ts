import { timeValue } from './values.ts';

/** Below it, the whole seconds that the cluster tells and the time that the question takes explain the difference. */
const NOTICEABLE_MS = 5000;

/** A cluster's clock as this server's sees it. */
export class ClusterClock {
  #aheadMs = 0;

  /** How far the cluster is ahead, in ms; 0 within seconds. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** The cluster told its time (ms since 1970) in answer to a question that was sent at `askedAt`. */
  compare(clusterMs: number, askedAt: number): void {
    if (!Number.isFinite(clusterMs) || clusterMs === 0) return;
    const aheadMs = Math.round((clusterMs - (askedAt + Date.now()) / 2) / 1000) * 1000;
    // It changes by steps only, so that the times of a job don't waver from one answer to the next.
    if (Math.abs(aheadMs - this.#aheadMs) < NOTICEABLE_MS) return;
    this.#aheadMs = Math.abs(aheadMs) < NOTICEABLE_MS ? 0 : aheadMs;
  }

  /** Epoch seconds by the cluster's clock as an instant by this server's; null for `N/A`, `Unknown` and 0. */
  instant(text: string): Date | null {
    const instant = timeValue(text);
    return instant === null || this.#aheadMs === 0 ? instant : new Date(instant.getTime() - this.#aheadMs);
  }
}

/** A cluster whose clock goes as this server's does. */
export const SAME_CLOCK = new ClusterClock();
