import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Job } from '../domain/job.ts';
import { isActiveState, type JobState } from '../domain/job-state.ts';
import type { JobObservation } from '../domain/observation.ts';
import { bounded } from '../domain/text.ts';
import { inOrder } from '../domain/times.ts';
import type { Journal } from '../events/index.ts';
import { mentions, type SlurmAdapter, SlurmUnavailable } from '../slurm/index.ts';
import type { JobQueries } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { Beginnings } from './beginnings.ts';
import { Doubles } from './doubles.ts';
import {
  type Confirmed,
  isInQueue,
  type JobUpdate,
  reopened,
  SnapshotComparison,
  type SnapshotDiff,
} from './observe.ts';
import { PollSchedule } from './schedule.ts';
import { VanishedJobs } from './vanished.ts';

export interface PollerOptions {
  readonly clusterName: string;
  readonly intervalSeconds: number;
  readonly slurm: SlurmAdapter;
  readonly jobs: JobQueries;
  readonly journal: Journal;
  readonly log: Logger;
  /** After each question: null when it was answered whole, else why not. */
  onAnswer(fault: Error | null): void;
  /** After each look at jobs that left the queue: `accountingFault` may have changed. */
  onAccounting(): void;
}

/** Ends that Slurm itself may follow up by a requeue (slurm.conf, JobRequeue). */
const REQUEUED_BY_SLURM: ReadonlySet<JobState> = new Set(['PREEMPTED', 'NODE_FAIL', 'BOOT_FAIL']);
/** Of a row that can't be read. */
const LOGGED_ROW = 500;
/** So many jobs are compared at a time. */
const JOBS_A_TURN = 1000;
/** A commit holds the event loop until the disk has all of it. */
const UPDATES_A_TRANSACTION = 2500;
/** For so long a requeue is looked for, even when no job is active. */
const REQUEUE_SHOWS_MS = 30_000;
/** Of so many jobs it is asked after a start how their earlier attempts ended. */
const MOST_UNTOLD = 200;

/**
 * Keeps the jobs of one cluster as Slurm says they are: one question at a time for all of them, and none while no job
 * is active or the cluster isn't connected.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #schedule: PollSchedule;
  readonly #vanished: VanishedJobs;
  readonly #doubles: Doubles;
  readonly #beginnings: Beginnings;
  readonly #reportedWords = new Set<string>();
  readonly #confirmed: Confirmed = new WeakMap();
  #isConnected = false;
  #timer: NodeJS.Timeout | undefined;
  #tick: Promise<void> | null = null;
  /** Accounting may take its time: the queue is asked meanwhile. */
  #examining: Promise<void> | null = null;
  /** Somebody wanted the next question planned while one was under way. */
  #isWanted = false;
  /** Somebody wanted one at once meanwhile. */
  #isUrgent = false;
  #isStopped = false;
  /** What the server still wanted to know when it last ended is in the list of questions. */
  #isInformed = false;
  /** Until then a job that is over may come to life again. */
  #requeueUntil = Number.NEGATIVE_INFINITY;
  /** The last question got no answer: it is asked again, whether or not a job is active by then. */
  #isOwed = false;
  #recordsFault: string | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#schedule = new PollSchedule({ intervalSeconds: options.intervalSeconds });
    this.#vanished = new VanishedJobs(options.slurm);
    this.#doubles = new Doubles(options.slurm, options.jobs);
    this.#beginnings = new Beginnings(options.slurm);
  }

  /** Why Slurm's accounting gave no answer when it was last asked; null when it did, or isn't kept. */
  get accountingFault(): string | null {
    return this.#vanished.accountingFault;
  }

  /** Why records of jobs that Slurm calls completed can't be read, so that their ends are kept back; null: all can. */
  get recordsFault(): string | null {
    return this.#recordsFault;
  }

  /** The last question got no answer. */
  get isUnanswered(): boolean {
    return this.#isOwed;
  }

  /** The cluster can be asked: does so at once. */
  connected(): void {
    this.#isConnected = true;
    this.askNow();
  }

  disconnected(): void {
    this.#isConnected = false;
    clearTimeout(this.#timer);
  }

  /** Somebody wants to know now, whatever went wrong before. */
  askNow(): void {
    this.#isUrgent = this.#tick !== null;
    this.#plan(0);
  }

  /** Slurm has shown that it answers again: if questions wait because it didn't, it is asked now. */
  recovered(): void {
    // The question under way may be one that is lost already.
    if (!this.#schedule.isBackedOff && this.#tick === null) return;
    this.#schedule.recovered();
    this.askNow();
  }

  /** A job was submitted or cancelled: looks soon, and a few times more. */
  acted(): void {
    this.#schedule.acted(performance.now());
    this.#planNext();
  }

  /** A job that may be over was requeued: looks for it now and a few times more, even if no other job is active. */
  async requeued(): Promise<void> {
    this.#expectRequeue();
    await this.#tick;
    if (this.#tick !== null || this.#isStopped || !this.#isConnected) return;
    clearTimeout(this.#timer);
    this.#begin();
    await this.#tick;
  }

  /** Jobs on the cluster have begun or ended: looks soon, though not at every single one. */
  noticed(): void {
    this.#requeueUntil = Math.max(this.#requeueUntil, performance.now() + 1000);
    this.#schedule.noticed(performance.now());
    this.#planNext();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#tick, this.#examining]);
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

  /** One question; false when there was nothing to ask. Never throws. */
  async #poll(): Promise<boolean> {
    const { clusterName, slurm, journal, log, onAnswer } = this.#options;
    try {
      await this.#inform();
      // Chosen before the question: a job that Slurm takes meanwhile can't be missing from an older answer.
      const asked = [...journal.active(clusterName).values()].filter(isInQueue).map((job) => job.id);
      if (asked.length === 0 && performance.now() > this.#requeueUntil && !this.#isOwed) {
        // With nothing left to ask of the accounts, that they couldn't be read is no fault any more.
        if (this.#vanished.isWaiting || this.#vanished.accountingFault !== null) this.#examine([]);
        return this.#vanished.isWaiting;
      }
      const askedAt = performance.now();
      const snapshot = await slurm.queue();
      const now = new Date();
      this.#isOwed = false;
      this.#schedule.answered(performance.now() - askedAt);
      if (snapshot.faultyRows.length > 0) {
        const rows = snapshot.faultyRows.slice(0, 3).map((row) => bounded(row, LOGGED_ROW));
        log.warn({ rows }, `${clusterName}: squeue printed rows that can't be read`);
      }
      const diff = await this.#compare(asked, snapshot.observations, now);
      this.#reportWords(diff.unknownWords);
      await this.#write([...diff.updates, ...(await this.#reopened(diff, now))]);
      // Once this answer's ends are written: with the last of them, the questions end too.
      const doubles = await this.#doubles.look(diff.unexpected);
      await this.#write(doubles.updates);
      if (doubles.cancel.length > 0) await slurm.cancel(doubles.cancel);
      // A row that can't be read still shows that its job is there.
      const isMentioned = mentions(snapshot.faultyRows);
      const unread = diff.missing.filter(isMentioned);
      this.#examine(diff.missing.filter((job) => !isMentioned(job)));
      this.#watchEnds(diff, performance.now());
      onAnswer(unread.length === 0 ? null : unreadable(unread));
    } catch (cause) {
      const fault = cause instanceof Error ? cause : new Error(String(cause));
      this.#isOwed = true;
      this.#schedule.failed();
      log.warn({ err: fault }, `${clusterName}: the queue could not be read`);
      onAnswer(fault);
    }
    return true;
  }

  /** Tens of thousands of jobs take tens of milliseconds: others have their turn in between. */
  async #compare(jobIds: readonly string[], seen: readonly JobObservation[], now: Date): Promise<SnapshotDiff> {
    const active = this.#options.journal.active(this.#options.clusterName);
    const comparison = new SnapshotComparison(seen, now, this.#confirmed);
    for (let start = 0; start < jobIds.length; start += JOBS_A_TURN) {
      if (start > 0) await nextTurn();
      comparison.take(jobIds.slice(start, start + JOBS_A_TURN).flatMap((id) => active.get(id) ?? []));
    }
    return comparison.diff();
  }

  async #inform(): Promise<void> {
    if (this.#isInformed) return;
    const { clusterName, jobs } = this.#options;
    for (const job of await jobs.withUntoldAttempts(clusterName, MOST_UNTOLD))
      this.#vanished.requeued(job, performance.now());
    this.#isInformed = true;
  }

  async #reopened({ unexpected }: SnapshotDiff, now: Date): Promise<readonly JobUpdate[]> {
    if (unexpected.length === 0) return [];
    const { clusterName, jobs } = this.#options;
    const known = await jobs.inSlurm(
      clusterName,
      unexpected.map(({ slurmJobId }) => slurmJobId),
    );
    return reopened(known, unexpected, now);
  }

  /** One at a time; what it finds is written when it comes. */
  #examine(missing: readonly Job[]): void {
    if (this.#examining !== null) return;
    const { clusterName, log, onAccounting } = this.#options;
    this.#examining = this.#vanished
      .examine(missing, performance.now(), new Date())
      .then(async (updates) => {
        if (updates.length > 0) await this.#write(updates);
      })
      .catch((cause: unknown) => {
        // The connection or the store: the jobs are still missing at the next look.
        log.warn({ err: cause }, `${clusterName}: what became of jobs that left the queue could not be asked`);
      })
      .finally(() => {
        this.#examining = null;
        onAccounting();
      });
  }

  /** Jobs that are being cleared away, are missing, or whose end was noticed and isn't in the answer yet. */
  #watchEnds({ updates, missing }: SnapshotDiff, now: number): void {
    const jobs = this.#options.journal.active(this.#options.clusterName).values();
    const isAwaited = now < this.#requeueUntil && updates.length === 0;
    if (
      isAwaited ||
      missing.length > 0 ||
      this.#beginnings.isWaiting ||
      jobs.some(({ state }) => state === 'COMPLETING')
    )
      this.#schedule.ending(now);
    else this.#schedule.settled();
  }

  /**
   * Each update stands for itself: what a crash leaves unwritten is in the next answer again. One after the other, so that
   * no look that began earlier has the last word on whether records can be read.
   */
  #write(found: readonly JobUpdate[]): Promise<void> {
    const written = this.#writing.then(() => this.#writeNext(found));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #writeNext(found: readonly JobUpdate[]): Promise<void> {
    const { clusterName, journal, jobs } = this.#options;
    const active = journal.active(clusterName);
    const settled = await this.#doubles.withoutFalseEnds(found, active);
    // Those that were over before.
    const others = await jobs.getMany(settled.flatMap(({ jobId }) => (active.has(jobId) ? [] : [jobId])));
    const known = others.flatMap((job) => (job === null ? [] : [[job.id, job] as const]));
    const current = known.length === 0 ? active : new Map([...known, ...active]);
    const { updates, fault } = await this.#beginnings.withoutHollowEnds(settled, current, Date.now());
    for (let start = 0; start < updates.length; start += UPDATES_A_TRANSACTION) {
      await this.#commit(updates.slice(start, start + UPDATES_A_TRANSACTION));
    }
    this.#noteRecords(fault);
  }

  async #commit(updates: readonly JobUpdate[]): Promise<void> {
    const { clusterName, journal } = this.#options;
    await journal.write(async (writer) => {
      const active = journal.active(clusterName);
      const others = updates.flatMap(({ jobId }) => (active.has(jobId) ? [] : [jobId]));
      const known = new Map(
        (await writer.jobs.getMany(others)).flatMap((job) => (job === null ? [] : [[job.id, job]])),
      );
      const changes = updates.flatMap(({ jobId, apply, message }) => {
        const before = active.get(jobId) ?? known.get(jobId);
        if (before === undefined) return [];
        return [{ before, after: apply(before), ...(message === undefined ? {} : { message }) }];
      });
      // Two looks under way at a time may both have found the same end.
      await writer.change(
        changes.filter(({ before, after }) => isActiveState(before.state) || !isSameEnd(before, after)),
      );
      for (const { before, after } of changes) {
        if (after.attempt > before.attempt) this.#vanished.requeued(after, performance.now());
        if (before.state !== after.state && REQUEUED_BY_SLURM.has(after.state)) this.#expectRequeue();
      }
      for (const { jobId, attempts } of updates) {
        if (attempts === undefined || attempts.length === 0) continue;
        const current = changes.find(({ after }) => after.id === jobId)?.after;
        await writer.saveAttempts(
          jobId,
          attempts.flatMap((attempt) =>
            current !== undefined && attempt.number < current.attempt ? [inOrder(attempt, current.submittedAt)] : [],
          ),
        );
      }
    });
  }

  /** They are asked for again with the next answer. */
  #noteRecords(fault: Error | null): void {
    const { clusterName, log } = this.#options;
    if (fault !== null && fault.message !== this.#recordsFault) {
      log.warn({ err: fault }, `${clusterName}: what jobs wrote of their beginning could not be read`);
    }
    this.#recordsFault = fault?.message ?? null;
  }

  #reportWords(words: ReadonlySet<string>): void {
    for (const word of words) {
      if (this.#reportedWords.has(word) || this.#reportedWords.size > 100) continue;
      this.#reportedWords.add(word);
      this.#options.log.warn({ word }, `${this.#options.clusterName}: Slurm uses a job state that isn't known`);
    }
  }
}

function unreadable(jobs: readonly Job[]): SlurmUnavailable {
  const names = jobs.slice(0, 3).map(({ slurmName }) => slurmName);
  const more = jobs.length > names.length ? ` and ${jobs.length - names.length} more` : '';
  return new SlurmUnavailable(
    `squeue prints what isn't its own, or rows that can't be read, for ${names.join(', ')}${more}`,
  );
}

/** Whether they differ in nothing but when it was seen. */
function isSameEnd(before: Job, after: Job): boolean {
  const evidence = after.evidence && before.evidence && { ...after.evidence, seenAt: before.evidence.seenAt };
  return isDeepStrictEqual(before, { ...after, evidence });
}
