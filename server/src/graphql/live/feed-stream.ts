import type { Feed } from '../../feeds/index.ts';

/**
 * The result of `subscribe` for a feed. tape.ts shares the feed among subscribers; for all other code it is an ordinary
 * stream.
 */
export class FeedStream<T> implements AsyncGenerator<T, void, undefined> {
  /** The feed, read in the turns of an account: asked each time, because it may change. */
  readonly feedFor: (account: () => string) => Feed<T>;
  readonly #account: string;
  readonly #ending = new AbortController();
  readonly #values: AsyncGenerator<T, void, undefined>;

  /** `account`: of the subscriber. */
  constructor(feedFor: (account: () => string) => Feed<T>, account: string) {
    this.feedFor = feedFor;
    this.#account = account;
    this.#values = this.#read();
  }

  async *#read(): AsyncGenerator<T, void, undefined> {
    const feed = this.feedFor(() => this.#account);
    const { first, position, isOver } = await feed.open();
    yield* first;
    if (isOver) return;
    for await (const { entries } of feed.follow(position, this.#ending.signal)) {
      for (const { value } of entries) yield value;
    }
  }

  next(): Promise<IteratorResult<T, void>> {
    return this.#values.next();
  }

  /** Works also while it waits; a plain generator would handle it only at its next yield. */
  async return(): Promise<IteratorResult<T, void>> {
    this.#ending.abort();
    return this.#values.return();
  }

  async throw(cause: unknown): Promise<IteratorResult<T, void>> {
    this.#ending.abort();
    return this.#values.throw(cause);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
