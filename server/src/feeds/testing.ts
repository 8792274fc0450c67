import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { Journal } from '../events/index.ts';
import { Store, type StoreReads } from '../store/index.ts';
import type { Feed, FeedBatch } from './feed.ts';

/** A journal on a store in memory. */
export class Jobs implements AsyncDisposable {
  readonly store: Store;
  /** For whoever follows a feed. */
  readonly reads: StoreReads;
  readonly account = () => 'events of ada';
  journal: Journal;

  private constructor(store: Store) {
    this.store = store;
    this.reads = store.readFor(this.account);
    this.journal = new Journal(store);
  }

  static async open(): Promise<Jobs> {
    const jobs = new Jobs(await Store.open(':memory:'));
    await jobs.journal.start();
    return jobs;
  }

  /** As after a restart of the server: all that it knows is in the store. */
  async restart(): Promise<void> {
    this.journal = new Journal(this.store);
    await this.journal.start();
  }

  async create(...jobs: readonly Job[]): Promise<void> {
    await this.journal.write(SYSTEM, (writer) =>
      writer.create(jobs.map((job) => ({ job, idempotencyKey: null, submission: null }))),
    );
  }

  /** Each change is a transaction and an event of its own. */
  async change(id: string, ...changes: readonly Partial<Job>[]): Promise<void> {
    for (const change of changes) {
      await this.journal.write(SYSTEM, (writer) => writer.update(id, (job) => ({ ...job, ...change })));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
  }
}

/** What a webhook or an export gets that reads from a stored position up to the newest one. */
export async function readAfter<T>(feed: Feed<T>, after: number): Promise<readonly FeedBatch<T>[]> {
  const batches: FeedBatch<T>[] = [];
  if (after === feed.newest()) return batches;
  for await (const batch of feed.follow(after, new AbortController().signal)) {
    batches.push(batch);
    if (batch.upTo >= feed.newest()) break;
  }
  return batches;
}

/** Everything up to the end of a feed that ends by itself. */
export async function readToEnd<T>(feed: Feed<T>, after: number): Promise<readonly T[]> {
  const values: T[] = [];
  for await (const { entries } of feed.follow(after, new AbortController().signal)) {
    values.push(...entries.map(({ value }) => value));
  }
  return values;
}
