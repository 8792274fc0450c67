import { isDeepStrictEqual } from 'node:util';
import type { Job } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-event.ts';
import type { JobQueries, NewJob, Queries, Store } from '../store/index.ts';
import { rollUpArray } from './array-roll-up.ts';
import { WakeUp } from './wake-up.ts';

/** How many events are kept in memory for followers; who is further behind reads the store. */
const RECENT_LIMIT = 4096;
const READ_BATCH = 500;

/** What a follower gets: events in the order of their commits, or word that it can't go on from where it was. */
export type Followed = { readonly kind: 'events'; readonly events: readonly JobEvent[] } | { readonly kind: 'reset' };

/** The writes of one transaction. */
export interface JournalWriter {
  /** Reads within the transaction. */
  readonly jobs: JobQueries;
  create(created: readonly NewJob[]): Promise<void>;
  /** Writes the job and the event that tells of it; does nothing where nothing changed. */
  change(before: Job, after: Job, message?: string): Promise<void>;
  /** The same for the job as it is in the store now. Gives it as it is afterwards; throws when there is none. */
  update(jobId: string, apply: (job: Job) => Job, message?: string): Promise<Job>;
  setScript(jobId: string, script: string): Promise<void>;
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
  #newest = 0;
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  async start(): Promise<void> {
    this.#newest = await this.#store.events.newest();
  }

  /** The sequence number of the newest committed event; 0 before the first. */
  get newest(): number {
    return this.#newest;
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
    this.#recent = this.#recent.concat(events);
    if (this.#recent.length > RECENT_LIMIT * 1.5) this.#recent = this.#recent.slice(-RECENT_LIMIT);
    if (events.length > 0) this.#news.notify();
    return result;
  }

  /**
   * Everything committed after the sequence number `after`, then everything that comes, until the signal is aborted.
   * A reset when the events after that position are no longer kept, or never were; it goes on from now.
   */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<Followed, void, undefined> {
    let position = after;
    const oldest = await this.#store.events.oldest();
    if (position > this.#newest || (position < oldest - 1 && position < this.#newest)) {
      position = this.#newest;
      yield { kind: 'reset' };
    }
    while (!signal.aborted) {
      if (position >= this.#newest) {
        await this.#news.wait(signal);
        continue;
      }
      const newest = this.#newest;
      const events = await this.#read(position);
      // The store may already show what is committed and not yet announced: it is not told a second time.
      position = Math.max(position, events.at(-1)?.sequence ?? newest);
      yield { kind: 'events', events };
    }
  }

  async #read(after: number): Promise<readonly JobEvent[]> {
    const first = this.#recent[0];
    if (first !== undefined && after >= first.sequence - 1) {
      const start = after - first.sequence + 1;
      return this.#recent.slice(start, start + READ_BATCH);
    }
    return this.#store.events.after(after, READ_BATCH);
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
    await this.jobs.insert(created);
    await this.#record(created.map(({ job }) => ({ kind: 'CREATED', fromState: null, job, message: null })));
  }

  async change(before: Job, after: Job, message?: string): Promise<void> {
    if (isDeepStrictEqual(before, after)) return;
    await this.jobs.update(after);
    const kind = before.state === after.state ? 'UPDATED' : 'STATE_CHANGED';
    await this.#record([{ kind, fromState: before.state, job: after, message: message ?? null }]);
  }

  async update(jobId: string, apply: (job: Job) => Job, message?: string): Promise<Job> {
    const before = await this.jobs.get(jobId);
    if (before === null) throw new Error(`There is no job ${jobId}`);
    const after = apply(before);
    await this.change(before, after, message);
    return after;
  }

  async setScript(jobId: string, script: string): Promise<void> {
    await this.jobs.setScript(jobId, script);
  }

  /** Once at the end, so that an array is told of once however many of its tasks changed. */
  async rollUpArrays(): Promise<void> {
    for (const array of await this.jobs.getMany([...this.#arrays.keys()])) {
      if (array === null) continue;
      const rolledUp = await rollUpArray(array, this.jobs);
      if (!isDeepStrictEqual(array, rolledUp)) await this.change(array, rolledUp);
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

type Change = Pick<JobEvent, 'kind' | 'fromState' | 'job' | 'message'>;

function updated(job: Job): Change {
  return { kind: 'UPDATED', fromState: job.state, job, message: null };
}
