import { isDeepStrictEqual } from 'node:util';
import type { Actor } from '../domain/actor.ts';
import { currentAttempt, type JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import { CHANGING_FACTS, type ChangingFacts, type JobEvent, type JobRequest } from '../domain/job-event.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { ClusterFacts } from '../domain/submission.ts';
import type { JobReader } from '../store/index.ts';
import type { NewJob, Transaction } from '../store/writes.ts';
import type { TextRoom } from './active-jobs.ts';
import { rollUpArray } from './array-roll-up.ts';
import { isEstimateAlone } from './estimates.ts';

/** What an event says beside the change. */
export interface Remark {
  /** For people who read the job's history. */
  readonly message?: string;
  /** What the actor asked for. */
  readonly request?: JobRequest;
}

export interface JobChange extends Remark {
  readonly before: Job;
  readonly after: Job;
}

/** The writes of one transaction. */
export interface JournalWriter {
  /** Reads within the transaction. */
  readonly jobs: JobReader;
  create(created: readonly NewJob[]): Promise<void>;
  /** Writes the jobs and their events; skips jobs without changes. Texts for which there is no room are cut (`TextRoom`). */
  change(changes: readonly JobChange[]): Promise<void>;
  /** The same for the job as it is in the store now. Gives it as it is afterwards; throws when there is none. */
  update(jobId: string, apply: (job: Job) => Job, remark?: Remark): Promise<Job>;
  /** Writes an event of a job that is not changed: what was asked for, or what came of it. */
  note(jobId: string, remark: Remark): Promise<void>;
  /** `cluster`: what of it decides how the job runs; null: not known. */
  setScript(jobId: string, script: string, cluster: ClusterFacts | null): Promise<void>;
  addSubmitMessage(jobId: string, message: string): Promise<void>;
  /** Writes news of attempts that are over. */
  saveAttempts(jobId: string, attempts: readonly JobAttempt[]): Promise<void>;
}

/** By job, its newest event if that tells of nothing but an estimate (`isEstimateAlone`); null: its newest event isn't one. */
export type EstimateEvents = ReadonlyMap<string, number | null>;

/**
 * Writes jobs together with their events, numbered from `base` + 1 on. The caller commits the transaction and announces
 * `events`.
 *
 * Estimates change all the time, and must not push other events out of the log: an event of nothing else is removed by
 * the next one of its job, and a task has none, but its array one for all of its tasks.
 */
export class JournalTransaction implements JournalWriter {
  readonly jobs: JobReader;
  readonly events: JobEvent[] = [];
  /** Tasks that changed without an event of their own, as they are now. */
  readonly quiet = new Map<string, Job>();
  /** What this transaction changes in the map that it was given. */
  readonly estimates = new Map<string, number | null>();
  readonly #transaction: Transaction;
  readonly #base: number;
  readonly #actorId: string | null;
  /** Arrays of which a task changed, and whether one of them changed its state. */
  readonly #arrays = new Map<string, boolean>();
  /** Arrays of which a task has another estimate. */
  readonly #estimated = new Set<string>();
  readonly #earlier: EstimateEvents;
  readonly #superseded: number[] = [];
  readonly #room: TextRoom;

  constructor(transaction: Transaction, base: number, { user }: Actor, earlier: EstimateEvents, room: TextRoom) {
    this.#transaction = transaction;
    this.jobs = transaction.jobs;
    this.#base = base;
    this.#actorId = user?.id ?? null;
    this.#earlier = earlier;
    this.#room = room;
  }

  async create(created: readonly NewJob[]): Promise<void> {
    const fitting = created.map((one) => ({ ...one, job: this.#room.fit(null, one.job) }));
    const recorded = await this.#transaction.jobWriter.insert(fitting);
    await this.#record(recorded.map((job) => ({ ...updated(job), kind: 'CREATED', fromState: null })));
  }

  async change(changes: readonly JobChange[]): Promise<void> {
    const fitting = changes.map((one) => ({ ...one, after: this.#room.fit(one.before, one.after) }));
    const real = fitting.filter(({ before, after }) => !isSameJob(before, after));
    await this.#transaction.jobWriter.update(real);
    for (const { before, after } of real) {
      if (after.attempt > before.attempt) await this.saveAttempts(after.id, [closedAttempt(before)]);
    }
    const told: Change[] = [];
    for (const { before, after, message = null, request = null } of real) {
      const isEstimate = message === null && request === null && isEstimateAlone(before, after);
      if (isEstimate && after.arrayParentId !== null) {
        this.quiet.set(after.id, after);
        this.#estimated.add(after.arrayParentId);
        continue;
      }
      const kind = before.state === after.state ? 'UPDATED' : 'STATE_CHANGED';
      const changedFrom = changedFacts(before, after);
      told.push({ kind, fromState: before.state, changedFrom, job: after, message, request, isEstimate });
    }
    await this.#record(told);
  }

  async update(jobId: string, apply: (job: Job) => Job, remark: Remark = {}): Promise<Job> {
    const before = await this.#get(jobId);
    const after = apply(before);
    await this.change([{ ...remark, before, after }]);
    return after;
  }

  async note(jobId: string, remark: Remark): Promise<void> {
    await this.#record([{ ...updated(await this.#get(jobId)), ...remark }]);
  }

  async setScript(jobId: string, script: string, cluster: ClusterFacts | null): Promise<void> {
    await this.#transaction.jobWriter.setScript(jobId, script, cluster);
  }

  async addSubmitMessage(jobId: string, message: string): Promise<void> {
    await this.#transaction.jobWriter.addSubmitMessage(jobId, message);
  }

  async saveAttempts(jobId: string, attempts: readonly JobAttempt[]): Promise<void> {
    await this.#transaction.jobWriter.saveAttempts(jobId, attempts);
  }

  /** Runs once at the end, so that an array has one event however many of its tasks changed. */
  async rollUpArrays(): Promise<void> {
    for (const array of await this.jobs.getMany([...new Set([...this.#arrays.keys(), ...this.#estimated])])) {
      if (array === null) continue;
      const rolledUp = await rollUpArray(array, this.jobs);
      if (!isDeepStrictEqual(array, rolledUp)) await this.change([{ before: array, after: rolledUp }]);
      // The counts of tasks by state belong to an array, but not to its row.
      else if (this.#arrays.get(array.id) === true) await this.#record([updated(array)]);
      else if (this.#estimated.has(array.id)) await this.#record([{ ...updated(array), isEstimate: true }]);
    }
  }

  /** Runs after that: removes the events of estimates whose jobs have newer events. */
  async removeSuperseded(): Promise<void> {
    await this.#transaction.eventWriter.remove(this.#superseded);
  }

  #supersede({ jobId, sequence }: JobEvent, isEstimate: boolean): void {
    const known = this.estimates.get(jobId);
    const earlier = known === undefined ? this.#earlier.get(jobId) : known;
    if (earlier != null) this.#superseded.push(earlier);
    if (isEstimate || earlier != null) this.estimates.set(jobId, isEstimate ? sequence : null);
  }

  async #get(jobId: string): Promise<Job> {
    const job = await this.jobs.get(jobId);
    if (job === null) throw new Error(`There is no job ${jobId}`);
    return job;
  }

  async #record(changes: readonly Change[]): Promise<void> {
    const at = new Date();
    const first = this.#base + this.events.length + 1;
    const events = changes.map(({ isEstimate: _, ...change }, index) => ({
      ...change,
      sequence: first + index,
      at,
      jobId: change.job.id,
      state: change.job.state,
      actorId: this.#actorId,
    }));
    await this.#transaction.eventWriter.append(events);
    for (const [index, event] of events.entries()) {
      this.events.push(event);
      this.quiet.delete(event.jobId);
      this.#supersede(event, changes[index]?.isEstimate === true);
    }
    for (const { kind, job } of changes) {
      if (job.arrayParentId === null) continue;
      this.#arrays.set(job.arrayParentId, kind !== 'UPDATED' || this.#arrays.get(job.arrayParentId) === true);
    }
  }
}

type Change = Pick<JobEvent, 'kind' | 'fromState' | 'changedFrom' | 'job' | 'message' | 'request'> & {
  /** It tells of nothing but an estimate. */
  readonly isEstimate?: boolean;
};

/** As `isDeepStrictEqual`, and much faster for the many jobs of a large snapshot, which differ in the first few keys. */
function isSameJob(before: Job, after: Job): boolean {
  if (before === after) return true;
  const keys = Object.keys(after) as (keyof Job)[];
  return keys.every((key) => before[key] === after[key] || isDeepStrictEqual(before[key], after[key]));
}

function changedFacts(before: Job, after: Job): Partial<ChangingFacts> | null {
  const changed = CHANGING_FACTS.filter((fact) => !isSame(before[fact], after[fact]));
  return changed.length === 0 ? null : Object.fromEntries(changed.map((fact) => [fact, before[fact]]));
}

function isSame(before: Job[keyof ChangingFacts], after: Job[keyof ChangingFacts]): boolean {
  return before === after || isDeepStrictEqual(before, after);
}

/** An attempt that a requeue ended; the accounting will say how and when. */
function closedAttempt(before: Job): JobAttempt {
  return { ...currentAttempt(before), outcome: isActiveState(before.state) ? null : (before.evidence?.word ?? null) };
}

function updated(job: Job): Change {
  return { kind: 'UPDATED', fromState: job.state, changedFrom: null, job, message: null, request: null };
}
