import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Actor } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-event.ts';
import type { Store, StoreReads } from '../store/index.ts';
import { type EventBounds, type StoreWrites, writesOf } from '../store/writes.ts';
import { ActiveJobs } from './active-jobs.ts';
import { RECENT_LIMIT, RecentEvents } from './recent-events.ts';
import { JournalTransaction, type JournalWriter } from './transaction.ts';
import { WakeUp } from './wake-up.ts';
import { OF_ITSELF, WriteTurns } from './write-turns.ts';

/** How many events a follower that is far behind holds at a time, each with its job. */
const READ_BATCH = 100;
/** Of the texts of these jobs. Thousands of followers may hold such a batch while their clients read nothing. */
const READ_BYTES = 64 * 1024;
/** How many are removed at a time, so that others can use the store in between. */
const FORGET_BATCH = 2000;

/**
 * What a follower gets, with the number of the last event that it covers: events in commit order, or a reset, because
 * it can't continue from its position.
 */
export type Followed =
  | { readonly kind: 'events'; readonly events: readonly JobEvent[]; readonly upTo: number }
  | { readonly kind: 'reset'; readonly upTo: number };

/** Who follows: what is no longer in memory is read for them, and one that is far behind holds up no other account. */
export interface Follower {
  readonly reads: Pick<StoreReads, 'events'>;
  /** Asked at each read. */
  account(): string;
}

/** Reads of the store for one account: one after another, and once for all that begin at the same event. */
interface Reading {
  last: Promise<unknown>;
  /** By the event before the first one. */
  readonly reads: Map<number, Promise<readonly JobEvent[]>>;
}

/**
 * The only way to write jobs: a change and its event are one transaction, and followers get it after the commit, in
 * commit order. Followers have a position and no queue, so one that doesn't read costs nothing and misses nothing.
 */
export class Journal {
  readonly #store: Store;
  readonly #writes: StoreWrites;
  readonly #news = new WakeUp();
  readonly #recent = new RecentEvents();
  #recalling: Promise<void> | null = null;
  /** By account. */
  readonly #reading = new Map<string, Reading>();
  /** The server itself. */
  readonly #own: Follower;
  #newest = 0;
  #oldest = 0;
  readonly #turns = new WriteTurns();
  /** All writes pass through here, so it is as current as the store. */
  readonly #active = new ActiveJobs();
  /** Since this start: of each job, one that was written before may stay. */
  readonly #estimates = new Map<string, number>();
  #forgetting: Promise<unknown> | null = null;

  constructor(store: Store) {
    this.#store = store;
    this.#writes = writesOf(store);
    this.#own = { reads: store, account: () => 'server' };
  }

  async start(): Promise<void> {
    this.#newest = await this.#store.events.newest();
    this.#oldest = await this.#store.events.oldest();
    for await (const jobs of this.#store.jobs.allActive()) {
      // What an earlier version stored may be more.
      for (const job of jobs) this.#active.keep(this.#active.room().fit(null, this.#active.inBrief(job)));
    }
  }

  /** The sequence number of the newest committed event; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /**
   * The active jobs of a cluster, tasks and arrays included, as they were last committed; first the one that has been
   * active for the longest. Reads nothing.
   */
  active(clusterName: string): ReadonlyMap<string, Job> {
    return this.#active.of(clusterName);
  }

  /** How many they are; an array counts once. */
  activeCount(clusterName: string): number {
    return this.#active.count(clusterName);
  }

  /** The active jobs of all clusters, also of those that are no longer configured. */
  allActive(): Generator<Job, void, undefined> {
    return this.#active.all();
  }

  /** Resolves at the next commit that changes a job, or once the signal is aborted. */
  async nextChange(signal: AbortSignal): Promise<void> {
    await this.#news.wait(signal);
  }

  /** When the oldest event that is kept was written; null: there is none. */
  oldestAt(): Promise<Date | null> {
    return this.#store.events.oldestAt();
  }

  /** Removes all events but the newest `kept` of those since `since`. Followers from before that are reset. */
  async forget({ kept, since }: { readonly kept: number; readonly since: Date }): Promise<void> {
    const upTo = await this.#store.events.beyondNewest(kept);
    for (;;) {
      const removal = this.#forgetSome({ upTo, before: since, limit: FORGET_BATCH }).finally(() => {
        this.#forgetting = null;
      });
      this.#forgetting = removal.catch(() => undefined);
      if ((await removal) < FORGET_BATCH) return;
    }
  }

  async #forgetSome(bounds: EventBounds): Promise<number> {
    const removed = await this.#writes.removeOldestEvents(bounds);
    this.#oldest = await this.#store.events.oldest();
    return removed;
  }

  /**
   * Removes a project; its jobs stay, without a project. With many jobs that takes long, and other writes have their
   * turns meanwhile: a crash leaves the project, with the jobs that it hadn't lost yet.
   */
  async removeProject(projectId: string): Promise<void> {
    for (let isGone = false; !isGone; await nextTurn()) {
      isGone = await this.#turns.run(OF_ITSELF, () => this.#removeFurther(projectId));
    }
  }

  async #removeFurther(projectId: string): Promise<boolean> {
    const isGone = await this.#writes.removeProjectFurther(projectId);
    if (isGone) this.#active.withoutProject(projectId);
    return isGone;
  }

  /**
   * Runs `work` in a transaction of its own, one at a time, on behalf of an actor. An error undoes all of it. The writes of
   * one actor are done in their order.
   */
  async write<T>(actor: Actor, work: (writer: JournalWriter) => Promise<T>): Promise<T> {
    return this.#turns.run(actor.user?.id ?? OF_ITSELF, () => this.#transact(actor, work));
  }

  async #transact<T>(actor: Actor, work: (writer: JournalWriter) => Promise<T>): Promise<T> {
    const { result, events, quiet, estimates } = await this.#writes.transaction(async (transaction) => {
      const writer = new JournalTransaction(transaction, this.#newest, actor, this.#estimates, this.#active.room());
      const result = await work(writer);
      await writer.rollUpArrays();
      await writer.removeSuperseded();
      const events = writer.events.map((event) => ({ ...event, job: this.#active.inBrief(event.job) }));
      const quiet = [...writer.quiet.values()].map((job) => this.#active.inBrief(job));
      return { result, events, quiet, estimates: writer.estimates };
    });
    this.#newest += events.length;
    for (const { job } of events) this.#active.keep(job);
    for (const job of quiet) this.#active.keep(job);
    for (const [jobId, sequence] of estimates) {
      if (sequence === null) this.#estimates.delete(jobId);
      else this.#estimates.set(jobId, sequence);
    }
    this.#recent.add(events);
    if (events.length > 0) this.#news.notify();
    return result;
  }

  /**
   * Everything committed after the sequence number `after`, then everything that follows, until the signal is aborted.
   * A reset if the events after that position are no longer kept, or never existed; then it continues from now.
   */
  async *follow(after: number, signal: AbortSignal, follower = this.#own): AsyncGenerator<Followed, void, undefined> {
    let position = after;
    while (!signal.aborted) {
      if (position === this.#newest) {
        await this.#news.wait(signal);
        continue;
      }
      const isKept = position < this.#newest && position >= this.#oldest - 1;
      const read = isKept ? await this.#read(position, follower) : [];
      // The store may already show events that are committed but not announced; they follow later.
      const events = read.filter(({ sequence }) => sequence <= this.#newest);
      const last = events.at(-1);
      // Some may have been removed during the read. Numbers may be missing anyway: those of superseded events.
      if (this.#forgetting !== null) await this.#forgetting;
      if (last === undefined || position < this.#oldest - 1) {
        position = this.#newest;
        yield { kind: 'reset', upTo: position };
        continue;
      }
      position = last.sequence;
      yield { kind: 'events', events, upTo: position };
      // There is more, and others get a turn first: one transaction may have written tens of thousands.
      if (events.length === READ_BATCH) await nextTurn();
    }
  }

  async #read(after: number, follower: Follower): Promise<readonly JobEvent[]> {
    if (this.#recent.first === undefined && this.#newest - after <= RECENT_LIMIT) {
      // After a start, all returning followers read the same events.
      this.#recalling ??= this.#recall().finally(() => {
        this.#recalling = null;
      });
      await this.#recalling;
    }
    const { first } = this.#recent;
    if (first !== undefined && after >= first.sequence - 1) return this.#recent.after(after, READ_BATCH);
    return this.#readStored(after, follower);
  }

  /** At most one read of an account in a turn of the event loop. */
  #readStored(after: number, { reads: { events }, account }: Follower): Promise<readonly JobEvent[]> {
    const name = account();
    const reading = this.#reading.get(name) ?? { last: Promise.resolve(), reads: new Map() };
    this.#reading.set(name, reading);
    const { last, reads } = reading;
    const known = reads.get(after);
    if (known !== undefined) return known;
    const read = last
      .then(async () => {
        const found = await events.after(after, READ_BATCH, { bytes: READ_BYTES });
        await nextTurn();
        return found;
      })
      .finally(() => {
        reads.delete(after);
        if (reads.size === 0) this.#reading.delete(name);
      });
    reading.last = read.catch(() => undefined);
    reads.set(after, read);
    return read;
  }

  /** Loads the newest events of an earlier run into memory. */
  async #recall(): Promise<void> {
    const earlier = new RecentEvents();
    const end = this.#newest;
    for (let position = end - RECENT_LIMIT; position < end; ) {
      const batch = await this.#readStored(position, this.#own);
      if (batch.length === 0) break;
      earlier.add(batch);
      position = batch.at(-1)?.sequence ?? end;
    }
    this.#recent.addBefore(earlier.after(0, RECENT_LIMIT));
  }
}
