import type { Job } from '../domain/job.ts';
import type { JobState } from '../domain/job-state.ts';
import type { Report } from '../domain/observation.ts';
import { bounded } from '../domain/text.ts';
import { asError } from '../domain/thrown.ts';
import type { Journal } from '../events/index.ts';
import { mentions, type QueueSnapshot, type Slurm } from '../slurm/index.ts';
import type { JobReader } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { Beginnings } from './beginnings.ts';
import { commitUpdates } from './commit.ts';
import { type Confirmed, reopened, SnapshotComparison, type SnapshotDiff } from './comparison.ts';
import { Doubles } from './doubles.ts';
import type { JobUpdate } from './observe.ts';
import { transactions } from './transactions.ts';
import { inTurns, slicesInTurns } from './turns.ts';
import { VanishedJobs } from './vanished.ts';

/** The parts of Slurm that are used: nothing is submitted here. */
export type PolledSlurm = Pick<Slurm, 'queue' | 'accounting' | 'records' | 'control'>;

export interface ReconcilerOptions {
  readonly clusterName: string;
  readonly slurm: PolledSlurm;
  readonly jobs: JobReader;
  readonly journal: Journal;
  readonly log: Logger;
  /** Called after each lookup of jobs that left the queue: `accountingFault` may have changed. */
  onAccounting(): void;
  /** A job has ended in a way after which Slurm may requeue it. */
  onRequeueExpected(): void;
}

/** The result of a snapshot of the queue. */
export interface Reconciled {
  readonly hasNews: boolean;
  /** Jobs are completing, are missing, or wait for their records: the next query may show their ends. */
  readonly isEndNear: boolean;
  /** Doubles go on, because they could not be cancelled: ask again, even if no job is active. */
  readonly isUnfinished: boolean;
  /** Jobs that stay unchanged because their rows can't be read. */
  readonly unread: readonly Job[];
}

/** Ends after which Slurm may requeue the job (slurm.conf, JobRequeue). */
const REQUEUED_BY_SLURM: ReadonlySet<JobState> = new Set(['PREEMPTED', 'NODE_FAIL', 'BOOT_FAIL']);
/** Characters of an unreadable row. */
const LOGGED_ROW = 500;
/** The most jobs whose earlier attempts are looked up after a start. */
const MOST_UNTOLD = 200;

/**
 * Updates the jobs of one cluster from a snapshot of its queue. Missing jobs are looked up in the accounting and in
 * their own records, which may take long; snapshots continue meanwhile.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #vanished: VanishedJobs;
  readonly #doubles: Doubles;
  readonly #beginnings: Beginnings;
  readonly #reportedWords = new Set<string>();
  readonly #confirmed: Confirmed = new WeakMap();
  #examining: Promise<void> | null = null;
  /** The lookups that were open when the server last ended have been resumed. */
  #isInformed = false;
  #recordsFault: string | null = null;
  #cancelFault: string | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#vanished = new VanishedJobs(options.slurm);
    this.#doubles = new Doubles(options.clusterName, options.slurm.records, options.jobs);
    this.#beginnings = new Beginnings(options.slurm.records);
  }

  /** Why the last query of Slurm's accounting failed; null: it didn't, or there is no accounting. */
  get accountingFault(): string | null {
    return this.#vanished.accountingFault;
  }

  /** Why records of jobs can't be read, which delays their ends; null: all can that are needed. */
  get recordsFault(): string | null {
    return this.#recordsFault ?? this.#vanished.recordsFault;
  }

  /** Resumes, once, the lookups in the accounting that were open when the server last ended. */
  async inform(): Promise<void> {
    if (this.#isInformed) return;
    const { clusterName, jobs } = this.#options;
    const untold = await jobs.withUntoldAttempts(clusterName, MOST_UNTOLD);
    for (const job of untold) this.#vanished.requeued(job, performance.now());
    this.#isInformed = true;
  }

  /** No job is in the queue: continues open lookups in the accounting. True: look again. */
  askAccounting(): boolean {
    // Without open lookups, an unreadable accounting is no fault any more.
    if (this.#vanished.isWaiting || this.#vanished.accountingFault !== null) this.#examine([]);
    return this.#vanished.isWaiting;
  }

  /** `asked`: the jobs that Slurm had before the query. Throws only what the store throws. */
  async take(snapshot: QueueSnapshot, asked: readonly string[], now: Date): Promise<Reconciled> {
    const { clusterName, journal, log } = this.#options;
    if (snapshot.faultyRows.length > 0) {
      const rows = snapshot.faultyRows.slice(0, 3).map((row) => bounded(row, LOGGED_ROW));
      log.warn({ rows }, `${clusterName}: squeue printed rows that can't be read`);
    }
    const diff = await this.#compare(asked, snapshot, now);
    this.#reportWords(diff.unknownWords);
    await this.#write([...diff.updates, ...(await this.#reopened(diff, now))]);
    // After this answer's ends are written: with the last of them, polling ends, too.
    const doubles = await this.#doubles.look(diff.unexpected);
    await this.#write(doubles.updates);
    // An unreadable row still shows that its job exists.
    const isMentioned = mentions(snapshot.faultyRows);
    this.#examine(diff.missing.filter((job) => !isMentioned(job)));
    await this.#cancel(doubles.cancel);
    const isClearedAway = journal
      .active(clusterName)
      .values()
      .some(({ state }) => state === 'COMPLETING');
    return {
      hasNews: diff.updates.length > 0,
      isEndNear: diff.missing.length > 0 || this.#beginnings.isWaiting || isClearedAway,
      isUnfinished: this.#cancelFault !== null,
      unread: diff.missing.filter(isMentioned),
    };
  }

  /** Resolves once no query is in progress. */
  async stopped(): Promise<void> {
    await this.#examining;
  }

  /** Yields to the event loop: tens of thousands of jobs take tens of milliseconds. */
  async #compare(jobIds: readonly string[], snapshot: QueueSnapshot, now: Date): Promise<SnapshotDiff> {
    const active = this.#options.journal.active(this.#options.clusterName);
    const comparison = await SnapshotComparison.of(snapshot, now, this.#confirmed);
    for await (const ids of slicesInTurns(jobIds)) comparison.take(ids.flatMap((id) => active.get(id) ?? []));
    return comparison.diff();
  }

  /** The queue was read, whether or not Slurm ends these: those that go on are in the next answer again. */
  async #cancel(doubles: readonly string[]): Promise<void> {
    const { clusterName, slurm, log } = this.#options;
    try {
      if (doubles.length > 0) await slurm.control.cancel(doubles);
      this.#cancelFault = null;
    } catch (cause) {
      const { message } = asError(cause);
      if (message !== this.#cancelFault)
        log.warn({ err: cause }, `${clusterName}: doubles of jobs could not be cancelled`);
      this.#cancelFault = message;
    }
  }

  async #reopened({ unexpected, shown }: SnapshotDiff, now: Date): Promise<readonly JobUpdate[]> {
    const { clusterName, jobs } = this.#options;
    const known: Job[] = [];
    if (unexpected.jobs.length > 0) {
      const numbers = unexpected.jobs.map(({ slurmJobId }) => slurmJobId);
      known.push(...(await jobs.inSlurm(clusterName, numbers)));
    }
    // Once for each array, however many rows it has: an answer costs what it has in rows and what is stored of it.
    const rows = new Set<Report | undefined>();
    const arrays = new Set<string>();
    for await (const { seen } of inTurns(unexpected.tasks)) {
      rows.add(seen);
      arrays.add(seen.slurmArrayId);
    }
    for (const array of arrays) {
      const isShown = (index: number) => rows.has(shown.at(`${array}_${index}`));
      for (const task of await jobs.endedTasksInSlurm(clusterName, array, isShown)) known.push(task);
    }
    return reopened(known, shown, now);
  }

  /** Runs one at a time; results are written as they arrive. */
  #examine(missing: readonly Job[]): void {
    if (this.#examining !== null) return;
    const { clusterName, log, onAccounting } = this.#options;
    const report = (cause: unknown) =>
      log.warn({ err: cause }, `${clusterName}: jobs that left the queue could not be looked up`);
    const earlier = this.#vanished.recordsFault;
    this.#examining = this.#vanished
      .examine(missing, performance.now(), new Date())
      .then(async ({ updates, fault }) => {
        if (fault !== null && fault.message !== earlier) report(fault);
        if (updates.length > 0) await this.#write(updates);
      })
      // A fault of the connection or the store: the jobs are still missing at the next query.
      .catch(report)
      .finally(() => {
        this.#examining = null;
        onAccounting();
      });
  }

  /**
   * Updates are independent: those that a crash leaves unwritten are in the next answer again. They run one after
   * another, so that an earlier lookup can't override whether records can be read.
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
    const now = performance.now();
    const { updates, fault } = await this.#beginnings.withoutHollowEnds(settled, current, now, new Date());
    for (const group of transactions(updates, current)) await this.#commit(group);
    this.#noteRecords(this.#doubles.fault ?? fault);
  }

  async #commit(updates: readonly JobUpdate[]): Promise<void> {
    const { clusterName, journal, onRequeueExpected } = this.#options;
    for (const { before, after } of await commitUpdates(journal, clusterName, updates)) {
      if (after.attempt > before.attempt) this.#vanished.requeued(after, performance.now());
      if (before.state !== after.state && REQUEUED_BY_SLURM.has(after.state)) onRequeueExpected();
    }
  }

  /** They are read again with the next answer. */
  #noteRecords(fault: Error | null): void {
    const { clusterName, log } = this.#options;
    if (fault !== null && fault.message !== this.#recordsFault) {
      log.warn({ err: fault }, `${clusterName}: records of jobs could not be read`);
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
