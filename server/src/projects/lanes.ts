import pLimit, { type LimitFunction } from 'p-limit';

const LARGE_BYTES = 16 * 1024 * 1024;

/** Work on files side by side, so many at a time: what is small never waits for what is large. */
export class Lanes {
  readonly #small: ReturnType<typeof pLimit>;
  readonly #large: ReturnType<typeof pLimit>;

  constructor({ small, large }: { readonly small: number; readonly large: number }) {
    this.#small = pLimit(small);
    this.#large = pLimit(large);
  }

  /** In its turn; the first come is the first served among those of about its size. */
  run<T>(sizeBytes: number, work: () => Promise<T>): Promise<T> {
    return sizeBytes > LARGE_BYTES ? this.#large(work) : this.#small(work);
  }
}

/** So many at a time of each key, such as of one repository. */
export class KeyedPlaces {
  readonly #count: number;
  readonly #limits = new Map<string, LimitFunction>();

  constructor(count: number) {
    this.#count = count;
  }

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const limit = this.#limits.get(key) ?? pLimit(this.#count);
    this.#limits.set(key, limit);
    try {
      return await limit(work);
    } finally {
      if (limit.activeCount + limit.pendingCount === 0 && this.#limits.get(key) === limit) this.#limits.delete(key);
    }
  }
}
