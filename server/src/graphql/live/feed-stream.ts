import type { Feed } from '../../feeds/index.ts';

/**
 * What the `subscribe` of a field gives for a feed. Whoever knows feeds shares it among subscribers (tape.ts); to
 * everybody else it is a stream of its own.
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

  /** Also while it waits, when a plain generator would only take it at its next yield. */
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
