/** A value of a feed, with the place in the feed that it takes. */
export interface FeedEntry<T> {
  readonly position: number;
  readonly value: T;
  /** It is told to this reader alone: for others, there is something else at this position. */
  readonly isOwn?: true;
}

/** Everything that the feed holds up to a position: entries in their order, of which there may be none. */
export interface FeedBatch<T> {
  readonly upTo: number;
  readonly entries: readonly FeedEntry<T>[];
}

/** What a new subscriber is told at once, and the position from which it goes on. */
export interface FeedOpening<T> {
  readonly first: readonly T[];
  readonly position: number;
  /** Nothing follows. */
  readonly isOver: boolean;
}

/**
 * What a subscription tells, as something that can be read from any position by any number of readers: what lies
 * between two positions is the same for all of them. Positions grow, and those of entries differ.
 */
export interface Feed<T> {
  /** The newest position there is. */
  newest(): number;
  open(): Promise<FeedOpening<T>>;
  /** What comes after a position, until the signal is aborted; ends when nothing more can come. */
  follow(after: number, signal: AbortSignal): AsyncGenerator<FeedBatch<T>, void, undefined>;
}

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
