import type { Feed } from '../../feeds/index.ts';

/**
 * The result of `subscribe` for a feed. tape.ts shares the feed among subscribers; for all other code it is an ordinary
 * stream.
 */
export class FeedStream<T> implements AsyncGenerator<T, void, undefined> {
  readonly feed: Feed<T>;
  readonly #ending = new AbortController();
  readonly #values: AsyncGenerator<T, void, undefined>;

  constructor(feed: Feed<T>) {
    this.feed = feed;
    this.#values = this.#read();
  }

  async *#read(): AsyncGenerator<T, void, undefined> {
    const { first, position, isOver } = await this.feed.open();
    yield* first;
    if (isOver) return;
    for await (const { entries } of this.feed.follow(position, this.#ending.signal)) {
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
