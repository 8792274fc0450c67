export interface Answered<T> {
  readonly value: T;
  readonly askedAt: Date;
  /** Older than asked for: a refresh failed, or is taking its time. */
  readonly isStale: boolean;
}

/** However fresh an answer is wanted: within this time there is no second question. */
const MIN_AGE_MS = 2000;
/** So long an asker waits for a refresh before it gets what there is. */
const PATIENCE_MS = 5000;

/** One question whose answer many askers share, kept for as long as each of them accepts. */
export class SharedAnswer<T> {
  readonly #ask: () => Promise<T>;
  #last: { readonly value: T; readonly askedAt: Date } | null = null;
  /** Ages are told by the monotonic clock, in ms, as the other one may be set back. */
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
    if (this.#last === null) throw new Error('There is no answer and none was asked for');
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
