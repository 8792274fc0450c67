import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { currentAttempt, type JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import { CHANGING_FACTS, type ChangingFacts, type JobEvent } from '../domain/job-event.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { JobQueries, NewJob, Queries, Store } from '../store/index.ts';
import { rollUpArray } from './array-roll-up.ts';
import { WakeUp } from './wake-up.ts';

/** How many events are kept in memory for followers; who is further behind reads the store. */
const RECENT_LIMIT = 4096;
/** So many events does a follower that is far behind hold at a time, each with a job of its own. */
const READ_BATCH = 100;
/** So many are removed at a time: between two such steps others get at the store. */
const FORGET_BATCH = 2000;

/**
 * What a follower gets, each with the number of the last event that it takes account of: events in the order of their
 * commits, or word that it can't go on from where it was.
 */
export type Followed =
  | { readonly kind: 'events'; readonly events: readonly JobEvent[]; readonly upTo: number }
  | { readonly kind: 'reset'; readonly upTo: number };

export interface JobChange {
  readonly before: Job;
  readonly after: Job;
  /** For people who read the job's history. */
  readonly message?: string;
}

/** The writes of one transaction. */
export interface JournalWriter {
  /** Reads within the transaction. */
  readonly jobs: JobQueries;
  create(created: readonly NewJob[]): Promise<void>;
  /** Writes the jobs and the events that tell of it; passes over those in which nothing changed. */
  change(changes: readonly JobChange[]): Promise<void>;
  /** The same for the job as it is in the store now. Gives it as it is afterwards; throws when there is none. */
  update(jobId: string, apply: (job: Job) => Job, message?: string): Promise<Job>;
  setScript(jobId: string, script: string): Promise<void>;
  addSubmitMessage(jobId: string, message: string): Promise<void>;
  /** What has become known of attempts that are over. */
  saveAttempts(jobId: string, attempts: readonly JobAttempt[]): Promise<void>;
}

/**
 * The only way by which jobs are written: a change and the event that tells of it are one transaction, and followers
 * hear of it after the commit, in the order of commits. Followers hold a position and no queue, so one that doesn't
 * read costs nothing and misses nothing.
 */
export class Journal {
  readonly #store: Store;
  readonly #news = new WakeUp();
  #recent: JobEvent[] = [];
  #recalling: Promise<void> | null = null;
  /** From the store, by the event before the first one. */
  readonly #reads = new Map<number, Promise<readonly JobEvent[]>>();
  #lastRead: Promise<unknown> = Promise.resolve();
  #newest = 0;
  #oldest = 0;
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** By cluster and id. All writes come by here, so it is as true as the store. */
  readonly #active = new Map<string, Map<string, Job>>();

  constructor(store: Store) {
    this.#store = store;
  }

  async start(): Promise<void> {
    this.#newest = await this.#store.events.newest();
    this.#oldest = await this.#store.events.oldest();
    for (const job of await this.#store.jobs.allActive()) this.#keepActive(job);
  }

  /** The sequence number of the newest committed event; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** The active jobs of a cluster, tasks and arrays included, as they were last committed. Reads nothing. */
  active(clusterName: string): ReadonlyMap<string, Job> {
    return this.#active.get(clusterName) ?? NO_JOBS;
  }

  /** The same of all clusters, also of those that are no longer configured. */
  *allActive(): Generator<Job, void, undefined> {
    for (const jobs of this.#active.values()) yield* jobs.values();
  }

  /** Resolves at the next commit that changes a job, or once the signal is aborted. */
  async nextChange(signal: AbortSignal): Promise<void> {
    await this.#news.wait(signal);
  }

  /** When the oldest event that is kept was written; null: there is none. */
  oldestAt(): Promise<Date | null> {
    return this.#store.events.oldestAt();
  }

  /** Removes all events but the newest `kept` of those since `since`. Who follows from further back is reset. */
  async forget({ kept, since }: { readonly kept: number; readonly since: Date }): Promise<void> {
    const { events } = this.#store;
    for (;;) {
      const removed = await events.removeOldest({ kept, before: since, limit: FORGET_BATCH });
      this.#oldest = await events.oldest();
      if (removed < FORGET_BATCH) return;
    }
  }

  /** Removes a project; its jobs stay, with no project. */
  async removeProject(projectId: string): Promise<void> {
    const turn = this.#lastWrite.then(async () => {
      await this.#store.projects.remove(projectId);
      for (const jobs of this.#active.values()) {
        for (const job of jobs.values()) if (job.projectId === projectId) jobs.set(job.id, { ...job, projectId: null });
      }
    });
    this.#lastWrite = turn.catch(() => undefined);
    return turn;
  }

  /** Runs `work` in a transaction of its own, one at a time. What it throws undoes all of it. */
  async write<T>(work: (writer: JournalWriter) => Promise<T>): Promise<T> {
    const turn = this.#lastWrite.then(() => this.#transact(work));
    // The next write waits for this one, and a failed one is its own caller's to handle.
    this.#lastWrite = turn.catch(() => undefined);
    return turn;
  }

  async #transact<T>(work: (writer: JournalWriter) => Promise<T>): Promise<T> {
    const { result, events } = await this.#store.transaction(async (queries) => {
      const transaction = new Transaction(queries, this.#newest);
      const result = await work(transaction);
      await transaction.rollUpArrays();
      return { result, events: transaction.events };
    });
    this.#newest += events.length;
    for (const { job } of events) this.#keepActive(job);
    this.#recent = this.#recent.concat(events);
    if (this.#recent.length > RECENT_LIMIT * 1.5) this.#recent = this.#recent.slice(-RECENT_LIMIT);
    if (events.length > 0) this.#news.notify();
    return result;
  }

  #keepActive(job: Job): void {
    const jobs = this.#active.get(job.clusterName) ?? new Map<string, Job>();
    this.#active.set(job.clusterName, jobs);
    if (isActiveState(job.state)) jobs.set(job.id, job);
    else jobs.delete(job.id);
  }

  /**
   * Everything committed after the sequence number `after`, then everything that comes, until the signal is aborted.
   * A reset when the events after that position are no longer kept, or never were; it goes on from now.
   */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<Followed, void, undefined> {
    let position = after;
    while (!signal.aborted) {
      if (position === this.#newest) {
        await this.#news.wait(signal);
        continue;
      }
      const isKept = position < this.#newest && position >= this.#oldest - 1;
      const read = isKept ? await this.#read(position) : [];
      // The store may already show what is committed and not yet announced: that is told when it is.
      const events = read.filter(({ sequence }) => sequence <= this.#newest);
      const last = events.at(-1);
      // Some may have been forgotten while they were read.
      if (last === undefined || events[0]?.sequence !== position + 1) {
        position = this.#newest;
        yield { kind: 'reset', upTo: position };
        continue;
      }
      position = last.sequence;
      yield { kind: 'events', events, upTo: position };
      // There is more, and others have their turn first: one transaction may have written tens of thousands.
      if (events.length === READ_BATCH) await nextTurn();
    }
  }

  async #read(after: number): Promise<readonly JobEvent[]> {
    if (this.#recent.length === 0 && this.#newest - after <= RECENT_LIMIT) {
      // After a start, everybody who comes back reads the same events.
      this.#recalling ??= this.#recall().finally(() => {
        this.#recalling = null;
      });
      await this.#recalling;
    }
    const first = this.#recent[0];
    if (first !== undefined && after >= first.sequence - 1) {
      const start = after - first.sequence + 1;
      return this.#recent.slice(start, start + READ_BATCH);
    }
    return this.#readStored(after);
  }

  /** Once for all who are at the same place, and no two reads in one turn of the event loop, however many follow. */
  #readStored(after: number): Promise<readonly JobEvent[]> {
    const known = this.#reads.get(after);
    if (known !== undefined) return known;
    const read = this.#lastRead
      .then(async () => {
        const events = await this.#store.events.after(after, READ_BATCH);
        await nextTurn();
        return events;
      })
      .finally(() => this.#reads.delete(after));
    this.#lastRead = read.catch(() => undefined);
    this.#reads.set(after, read);
    return read;
  }

  /** Brings the newest events of an earlier run to memory. */
  async #recall(): Promise<void> {
    const events: JobEvent[] = [];
    const end = this.#newest;
    for (let position = end - RECENT_LIMIT; position < end; position = events.at(-1)?.sequence ?? end) {
      const batch = await this.#readStored(position);
      if (batch.length === 0) break;
      events.push(...batch);
    }
    const next = this.#recent[0]?.sequence ?? this.#newest + 1;
    this.#recent = events.filter(({ sequence }) => sequence < next).concat(this.#recent);
  }
}

class Transaction implements JournalWriter {
  readonly jobs: JobQueries;
  readonly events: JobEvent[] = [];
  readonly #queries: Queries;
  readonly #base: number;
  /** Arrays of which a task changed, and whether one of them changed its state. */
  readonly #arrays = new Map<string, boolean>();

  constructor(queries: Queries, base: number) {
    this.#queries = queries;
    this.jobs = queries.jobs;
    this.#base = base;
  }

  async create(created: readonly NewJob[]): Promise<void> {
    const recorded = await this.jobs.insert(created);
    await this.#record(
      recorded.map((job) => ({ kind: 'CREATED', fromState: null, changedFrom: null, job, message: null })),
    );
  }

  async change(changes: readonly JobChange[]): Promise<void> {
    const real = changes.filter(({ before, after }) => !isSameJob(before, after));
    await this.jobs.update(real);
    for (const { before, after } of real) {
      if (after.attempt > before.attempt) await this.jobs.saveAttempts(after.id, [closedAttempt(before)]);
    }
    await this.#record(
      real.map(({ before, after, message }) => ({
        kind: before.state === after.state ? 'UPDATED' : 'STATE_CHANGED',
        fromState: before.state,
        changedFrom: changedFacts(before, after),
        job: after,
        message: message ?? null,
      })),
    );
  }

  async update(jobId: string, apply: (job: Job) => Job, message?: string): Promise<Job> {
    const before = await this.jobs.get(jobId);
    if (before === null) throw new Error(`There is no job ${jobId}`);
    const after = apply(before);
    await this.change([message === undefined ? { before, after } : { before, after, message }]);
    return after;
  }

  async setScript(jobId: string, script: string): Promise<void> {
    await this.jobs.setScript(jobId, script);
  }

  async addSubmitMessage(jobId: string, message: string): Promise<void> {
    await this.jobs.addSubmitMessage(jobId, message);
  }

  async saveAttempts(jobId: string, attempts: readonly JobAttempt[]): Promise<void> {
    await this.jobs.saveAttempts(jobId, attempts);
  }

  /** Once at the end, so that an array is told of once however many of its tasks changed. */
  async rollUpArrays(): Promise<void> {
    for (const array of await this.jobs.getMany([...this.#arrays.keys()])) {
      if (array === null) continue;
      const rolledUp = await rollUpArray(array, this.jobs);
      if (!isDeepStrictEqual(array, rolledUp)) await this.change([{ before: array, after: rolledUp }]);
      // How many tasks are in which state is part of an array, though not of its row.
      else if (this.#arrays.get(array.id) === true) await this.#record([updated(array)]);
    }
  }

  async #record(changes: readonly Change[]): Promise<void> {
    const at = new Date();
    const first = this.#base + this.events.length + 1;
    const events = changes.map((change, index) => ({
      ...change,
      sequence: first + index,
      at,
      jobId: change.job.id,
      state: change.job.state,
    }));
    await this.#queries.events.append(events);
    this.events.push(...events);
    for (const { kind, job } of changes) {
      if (job.arrayParentId === null) continue;
      this.#arrays.set(job.arrayParentId, kind !== 'UPDATED' || this.#arrays.get(job.arrayParentId) === true);
    }
  }
}

type Change = Pick<JobEvent, 'kind' | 'fromState' | 'changedFrom' | 'job' | 'message'>;

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
  if (before instanceof Date && after instanceof Date) return before.getTime() === after.getTime();
  return before === after;
}

/** An attempt that was under way when a requeue ended it; how and when is the accounting's to tell. */
function closedAttempt(before: Job): JobAttempt {
  return { ...currentAttempt(before), outcome: isActiveState(before.state) ? null : (before.evidence?.word ?? null) };
}

const NO_JOBS: ReadonlyMap<string, Job> = new Map();

function updated(job: Job): Change {
  return { kind: 'UPDATED', fromState: job.state, changedFrom: null, job, message: null };
}
