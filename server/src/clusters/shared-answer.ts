export interface Answered<T> {
  readonly value: T;
  readonly askedAt: Date;
  /** Older than asked for: a refresh failed or is slow. */
  readonly isStale: boolean;
}

/** Whatever age is asked for, the query is sent at most once in this time. */
const MIN_AGE_MS = 2000;
/** How long a caller waits for a refresh before it gets the older answer. */
const PATIENCE_MS = 5000;

/** One query whose answer many callers share; each says how old it may be. */
export class SharedAnswer<T> {
  readonly #ask: () => Promise<T>;
  #last: { readonly value: T; readonly askedAt: Date } | null = null;
  /** On the monotonic clock, in ms, because the system clock may be set back. */
  #lastAskedAt = Number.NEGATIVE_INFINITY;
  #lastTryAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** The last answer, however old; null before the first. Asks nothing. */
  get last(): { readonly value: T; readonly askedAt: Date } | null {
    return this.#last;
  }

  /** An answer of at most this age; an older one when there is no newer; throws when there never was any. */
  async get(maxAgeMs: number): Promise<Answered<T>> {
    const limitMs = Math.max(maxAgeMs, MIN_AGE_MS);
    const isFresh = () => this.#last !== null && performance.now() - this.#lastAskedAt < limitMs;
    if (
      !isFresh() &&
      (this.#asking !== null || this.#last === null || performance.now() - this.#lastTryAt >= MIN_AGE_MS)
    ) {
      const asking = this.#askOnce();
      if (this.#last === null) await asking;
      else await Promise.race([asking.catch(() => undefined), patience()]);
    }
    if (this.#last === null) throw new Error('There is no answer, and none was asked for');
    return { ...this.#last, isStale: !isFresh() };
  }

  #askOnce(): Promise<void> {
    if (this.#asking !== null) return this.#asking;
    const askedAt = new Date();
    const triedAt = performance.now();
    this.#lastTryAt = triedAt;
    const asking = this.#ask().then((value) => {
      this.#last = { value, askedAt };
      this.#lastAskedAt = triedAt;
    });
    this.#asking = asking;
    const finish = () => {
      this.#asking = null;
    };
    asking.then(finish, finish);
    return asking;
  }
}

function patience(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PATIENCE_MS).unref();
  });
}
