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

/** What a new reader is told at once, and the position from which it goes on. */
export interface FeedOpening<T> {
  readonly first: readonly T[];
  readonly position: number;
  /** Nothing follows. */
  readonly isOver: boolean;
}

/**
 * Something that goes on, readable from any position by any number of readers: subscriptions, webhooks, exports. What lies
 * between two positions is the same for all of them. Positions grow, and those of entries differ.
 */
export interface Feed<T> {
  /** The newest position there is. */
  newest(): number;
  open(): Promise<FeedOpening<T>>;
  /** What comes after a position, until the signal is aborted; ends when nothing more can come. */
  follow(after: number, signal: AbortSignal): AsyncGenerator<FeedBatch<T>, void, undefined>;
}
