/** A value of a feed, with its position. */
export interface FeedEntry<T> {
  readonly position: number;
  readonly value: T;
  /** For this reader only: other readers may find another value at this position. */
  readonly isOwn?: true;
}

/** Everything in the feed up to a position: its entries in order, possibly none. */
export interface FeedBatch<T> {
  readonly upTo: number;
  readonly entries: readonly FeedEntry<T>[];
}

/** What a new reader gets at once, and the position from which it continues. */
export interface FeedOpening<T> {
  readonly first: readonly T[];
  readonly position: number;
  /** Nothing follows. */
  readonly isOver: boolean;
}

/**
 * A sequence of values that any number of readers (subscriptions, webhooks, exports) can read from any position. All of
 * them find the same between two positions. Positions grow, and no two entries share one.
 */
export interface Feed<T> {
  /** The newest position there is. */
  newest(): number;
  open(): Promise<FeedOpening<T>>;
  /** The batches after a position, until the signal is aborted; ends when nothing more can come. */
  follow(after: number, signal: AbortSignal): AsyncGenerator<FeedBatch<T>, void, undefined>;
}
