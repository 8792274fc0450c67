import { createHash } from 'node:crypto';
import type { Reader } from './reader.ts';

const KEPT = 100;

interface Counting {
  readonly version: number;
  readonly count: Promise<number>;
}

/** Counts that are valid until something is written, so that several pages and clients of a list count it once. */
export class CountMemo {
  readonly #version: () => number;
  /** The last used is at the end. */
  readonly #counted = new Map<string, { readonly version: number; readonly count: number }>();
  /** By account: another one's count takes its turns, of which there may be many. */
  readonly #counting = new Map<string, Counting>();

  /** `version`: another number after every commit. */
  constructor(version: () => number) {
    this.#version = version;
  }

  /**
   * `question`: of any length; only a digest of it is kept. If another one's count fails, it is made anew: who began it
   * may have left, or have read too much.
   */
  async count(question: string, countAnew: () => Promise<number>, { account, placed }: Reader): Promise<number> {
    const key = createHash('sha256').update(question).digest('base64');
    const own = `${key} ${account}`;
    for (let last: Counting | undefined; ; ) {
      const known = this.#known(key);
      if (known !== null) return known;
      const counting = this.#counting.get(own);
      if (counting === undefined || counting === last || counting.version !== this.#version()) break;
      const count = await unlessPlaced(counting.count, placed);
      if (count !== null) return count;
      last = counting;
    }
    const version = this.#version();
    const counting = { version, count: countAnew() };
    this.#counting.set(own, counting);
    try {
      const count = await counting.count;
      this.#keep(key, version, count);
      return count;
    } finally {
      if (this.#counting.get(own) === counting) this.#counting.delete(own);
    }
  }

  #known(key: string): number | null {
    const known = this.#counted.get(key);
    if (known?.version !== this.#version()) return null;
    this.#keep(key, known.version, known.count);
    return known.count;
  }

  #keep(key: string, version: number, count: number): void {
    this.#counted.delete(key);
    this.#counted.set(key, { version, count });
    const [oldest] = this.#counted.keys();
    if (this.#counted.size > KEPT && oldest !== undefined) this.#counted.delete(oldest);
  }
}

/** Null: it failed, or can't be waited for. */
function unlessPlaced(count: Promise<number>, placed: Promise<void> | undefined): Promise<number | null> {
  const counted = count.catch(() => null);
  return placed === undefined ? counted : Promise.race([placed.then(() => null), counted]);
}
