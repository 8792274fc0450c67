import type { Job } from '../domain/job.ts';
import { asError } from '../domain/thrown.ts';
import { SlurmUnavailable } from '../slurm/index.ts';
import { isInQueue } from './comparison.ts';
import { type Reconciled, Reconciler, type ReconcilerOptions } from './reconciler.ts';
import { PollSchedule } from './schedule.ts';

export interface PollerOptions extends Omit<ReconcilerOptions, 'onRequeueExpected'> {
  readonly intervalSeconds: number;
  /** Called after each query: null if the answer was complete, else why not. */
  onAnswer(fault: Error | null): void;
}

/** How long a requeue is looked for, even if no job is active. */
const REQUEUE_SHOWS_MS = 30_000;
/** A query and its consequences are a few commands that end within a minute each. */
const LONGEST_TICK_MS = 10 * 60_000;

/**
 * Keeps the jobs of one cluster up to date with Slurm: one query at a time for all of them, and none while no job is
 * active or the cluster isn't connected.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #schedule: PollSchedule;
  readonly #reconciler: Reconciler;
  #isConnected = false;
  #timer: NodeJS.Timeout | undefined;
  #tick: Promise<void> | null = null;
  #tickBeganAt = 0;
  /** A new plan was requested during a query. */
  #isWanted = false;
  /** An immediate query was requested during one. */
  #isUrgent = false;
  #isStopped = false;
  /** Until then, a job that is over may become active again. */
  #requeueUntil = Number.NEGATIVE_INFINITY;
  /** The last query got no answer: it is repeated even if no job is active any more. */
  #isOwed = false;
  /** The last answer left something to do: it is repeated, too. */
  #isUnfinished = false;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#schedule = new PollSchedule({ intervalSeconds: options.intervalSeconds });
    this.#reconciler = new Reconciler({ ...options, onRequeueExpected: () => this.#expectRequeue() });
  }

  /** Why the last query of Slurm's accounting failed; null: it didn't, or there is no accounting. */
  get accountingFault(): string | null {
    return this.#reconciler.accountingFault;
  }

  /** Why records of jobs can't be read, which delays their ends; null: all can that are needed. */
  get recordsFault(): string | null {
    return this.#reconciler.recordsFault;
  }

  /** The last query got no answer. */
  get isUnanswered(): boolean {
    return this.#isOwed;
  }

  /**
   * Whether it keeps polling. False: it was stopped, or a query never ended although each has a deadline. A cluster
   * that doesn't answer is no reason.
   */
  get isRunning(): boolean {
    const isStuck = this.#tick !== null && performance.now() - this.#tickBeganAt > LONGEST_TICK_MS;
    return !this.#isStopped && !isStuck;
  }

  /** The cluster is connected: queries it at once. */
  connected(): void {
    this.#isConnected = true;
    this.askNow();
  }

  disconnected(): void {
    this.#isConnected = false;
    clearTimeout(this.#timer);
  }

  /** Queries now because a user asked for it, whatever failed before. */
  askNow(): void {
    this.#isUrgent = this.#tick !== null;
    this.#plan(0);
  }

  /** Slurm answers again: queries now if that was delayed because it didn't. */
  recovered(): void {
    // The current query may already be lost.
    if (!this.#schedule.isBackedOff && this.#tick === null) return;
    this.#schedule.recovered();
    this.askNow();
  }

  /** A job was submitted or cancelled: queries soon, and a few times more. */
  acted(): void {
    this.#schedule.acted(performance.now());
    this.#planNext();
  }

  /** A job that may be over was requeued: queries now and a few times more, even if no other job is active. */
  async requeued(): Promise<void> {
    this.#expectRequeue();
    await this.#tick;
    if (this.#tick !== null || this.#isStopped || !this.#isConnected) return;
    clearTimeout(this.#timer);
    this.#begin();
    await this.#tick;
  }

  /** Jobs on the cluster have begun or ended: queries soon, but not for each of them. */
  noticed(): void {
    this.#requeueUntil = Math.max(this.#requeueUntil, performance.now() + 1000);
    this.#schedule.noticed(performance.now());
    this.#planNext();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#tick, this.#reconciler.stopped()]);
  }

  #planNext(): void {
    this.#plan(this.#schedule.delay(performance.now()));
  }

  #plan(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped || !this.#isConnected) return;
    if (this.#tick !== null) {
      this.#isWanted = true;
      return;
    }
    this.#timer = setTimeout(() => this.#begin(), delayMs);
  }

  #begin(): void {
    this.#isWanted = false;
    this.#isUrgent = false;
    this.#tickBeganAt = performance.now();
    this.#tick = this.#poll().then((isWorthRepeating) => {
      this.#tick = null;
      if (this.#isUrgent && this.#isOwed) this.#plan(0);
      else if (isWorthRepeating || this.#isWanted) this.#planNext();
    });
  }

  #expectRequeue(): void {
    this.#requeueUntil = performance.now() + REQUEUE_SHOWS_MS;
    this.acted();
  }

  /** One query; false: there was nothing to ask. Never throws. */
  async #poll(): Promise<boolean> {
    const { clusterName, slurm, journal, log, onAnswer } = this.#options;
    try {
      await this.#reconciler.inform();
      // Chosen before the query, so that a job submitted meanwhile doesn't count as missing from the answer.
      const asked = [...journal.active(clusterName).values()].filter(isInQueue).map((job) => job.id);
      const isNeeded = asked.length > 0 || this.#isOwed || this.#isUnfinished;
      if (!isNeeded && performance.now() > this.#requeueUntil) {
        return this.#reconciler.askAccounting();
      }
      const askedAt = performance.now();
      const snapshot = await slurm.queue.snapshot();
      const now = new Date();
      this.#isOwed = false;
      this.#schedule.answered(performance.now() - askedAt);
      const reconciled = await this.#reconciler.take(snapshot, asked, now);
      this.#isUnfinished = reconciled.isUnfinished;
      this.#watchEnds(reconciled, performance.now());
      onAnswer(reconciled.unread.length === 0 ? null : unreadable(reconciled.unread));
    } catch (cause) {
      const fault = asError(cause);
      this.#isOwed = true;
      this.#schedule.failed();
      log.warn({ err: fault }, `${clusterName}: the queue could not be read`);
      onAnswer(fault);
    }
    return true;
  }

  /** Ends that are near, or were noticed and aren't in the answer yet, shorten the wait. */
  #watchEnds({ hasNews, isEndNear }: Reconciled, now: number): void {
    if (isEndNear || (now < this.#requeueUntil && !hasNews)) this.#schedule.ending(now);
    else this.#schedule.settled();
  }
}

function unreadable(jobs: readonly Job[]): SlurmUnavailable {
  const names = jobs.slice(0, 3).map(({ slurmName }) => slurmName);
  const more = jobs.length > names.length ? ` and ${jobs.length - names.length} more` : '';
  return new SlurmUnavailable(
    `squeue prints what isn't its own, or rows that can't be read, for ${names.join(', ')}${more}`,
  );
}
