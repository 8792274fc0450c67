import { setTimeout as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { SlurmSubmission } from '../slurm/index.ts';
import { ABANDONED_MS } from './submission-doubts.ts';

/** By then a file system hangs: a login node unpacks the largest project in less. */
const LONGEST_MS = 60 * 60_000;
/** So often one is looked at in a row. */
const MAX_LOOKS = 15;

export interface LongUnpackingsOptions {
  readonly slurm: Pick<SlurmSubmission, 'lookAtUnpacking' | 'dropUnpacking'>;
  /** Between two looks. */
  readonly lookMs: number;
}

export interface LongUnpacking {
  readonly jobId: string;
  readonly workDir: string;
  /** Whether the project is one that may take long. */
  readonly isLong: boolean;
  isCancelled(): boolean;
  /** Whether there is somebody to ask. */
  isReachable(): boolean;
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal;
}

/**
 * Projects that took longer to be unpacked than most do, or are being unpacked where nobody can see it: a file system may
 * hang, or a login node has gone down meanwhile. They go on without a place of their own, and are looked at.
 */
export class LongUnpackings {
  readonly #options: LongUnpackingsOptions;
  /** Since when, by job and by the monotonic clock; null: it is to be begun anew. */
  readonly #since = new Map<string, number | null>();
  /** How often each was ended without a word. */
  readonly #restarts = new Map<string, number>();
  /** However many there are, looks take one of the connection's few commands. */
  readonly #looks = pLimit(1);

  constructor(options: LongUnpackingsOptions) {
    this.#options = options;
  }

  /** Whether it is one, until its outcome is known: also while it is to be begun anew. */
  has(jobId: string): boolean {
    return this.#since.has(jobId);
  }

  /** There was no end yet. Gives for how long there has been none, in ms. */
  lasts(jobId: string, now: number): number {
    const since = this.#since.get(jobId) ?? now;
    this.#since.set(jobId, since);
    return now - since;
  }

  /** It was ended without a word. Gives how often that has happened. */
  restarted(jobId: string): number {
    const count = (this.#restarts.get(jobId) ?? 0) + 1;
    this.#restarts.set(jobId, count);
    return count;
  }

  /** The outcome is known. */
  settle(jobId: string): void {
    this.#since.delete(jobId);
    this.#restarts.delete(jobId);
  }

  /**
   * Looks for a while. `ended`: the cluster tells the outcome at once; `over`: nobody is at it, so that it has to be begun
   * anew; `later`: neither is known. What has taken too long is dropped, and this throws.
   */
  async look(unpacking: LongUnpacking): Promise<'ended' | 'over' | 'later'> {
    const { jobId, workDir, isLong, isCancelled, isReachable, signal } = unpacking;
    const { slurm, lookMs } = this.#options;
    for (let look = 1; isReachable() && look <= MAX_LOOKS; look += 1) {
      if (isCancelled()) return 'ended';
      const state = await this.#looks(() => slurm.lookAtUnpacking(workDir));
      if (state === 'ended' || state === 'over') return state;
      const longestMs = isLong && state === 'running' ? LONGEST_MS : ABANDONED_MS;
      if (this.lasts(jobId, performance.now()) >= longestMs) await this.#giveUp(jobId, workDir, longestMs);
      if (state === 'elsewhere') break;
      await pause(lookMs, undefined, { signal }).catch(() => undefined);
    }
    return 'later';
  }

  /** Drops what was begun, for the next attempt to begin anew; throws. */
  async #giveUp(jobId: string, workDir: string, afterMs: number): Promise<never> {
    await this.#options.slurm.dropUnpacking(workDir);
    this.#since.set(jobId, null);
    const minutes = Math.round(afterMs / 60_000);
    throw new Error(
      `The project wasn't unpacked on the cluster within ${minutes} minutes. It is tried again by itself`,
    );
  }
}
