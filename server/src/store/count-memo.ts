import { createHash } from 'node:crypto';

const KEPT = 100;

interface Known {
  readonly version: number;
  readonly counting: Promise<number>;
  /** Null: it isn't counted yet. */
  count: number | null;
}

/** Counts that are valid until something is written, so that several pages and clients of a list count it once. */
export class CountMemo {
  readonly #version: () => number;
  /** The last used is at the end. */
  readonly #known = new Map<string, Known>();

  /** `version`: another number after every commit. */
  constructor(version: () => number) {
    this.#version = version;
  }

  /**
   * `question`: of any length; only a digest of it is kept. Who counts may have to wait for those who are `placed`, so
   * these count by themselves. So does everybody when it fails: who began it may have left, or have read too much.
   */
  async count(question: string, countAnew: () => Promise<number>, placed?: Promise<void>): Promise<number> {
    const key = createHash('sha256').update(question).digest('base64');
    for (let last: Known | null = null; ; ) {
      const known = this.#known.get(key);
      if (known === undefined || known === last || known.version !== this.#version()) break;
      this.#keep(key, known);
      const count = known.count ?? (await unlessPlaced(known.counting, placed));
      if (count !== null) return count;
      last = known;
    }
    const own: Known = { version: this.#version(), counting: countAnew(), count: null };
    this.#keep(key, own);
    try {
      own.count = await own.counting;
      return own.count;
    } catch (cause) {
      if (this.#known.get(key) === own) this.#known.delete(key);
      throw cause;
    }
  }

  #keep(key: string, known: Known): void {
    this.#known.delete(key);
    this.#known.set(key, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEPT && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Null: it failed, or would have to be waited for. */
function unlessPlaced(counting: Promise<number>, placed: Promise<void> | undefined): Promise<number | null> {
  const counted = counting.catch(() => null);
  return placed === undefined ? counted : Promise.race([placed.then(() => null), counted]);
}
