import { createHash } from 'node:crypto';

const KEPT = 100;

/** Counts that are valid until something is written, so that several pages and clients of a list count it once. */
export class CountMemo {
  readonly #version: () => number;
  /** The last used is at the end. */
  readonly #known = new Map<string, { readonly version: number; readonly count: Promise<number> }>();

  /** `version`: another number after every commit. */
  constructor(version: () => number) {
    this.#version = version;
  }

  /** `question`: of any length; only a digest of it is kept. */
  async count(question: string, countAnew: () => Promise<number>): Promise<number> {
    const key = createHash('sha256').update(question).digest('base64');
    const version = this.#version();
    const known = this.#known.get(key);
    const count = known?.version === version ? known.count : countAnew();
    this.#known.delete(key);
    this.#known.set(key, { version, count });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEPT && oldest !== undefined) this.#known.delete(oldest);
    try {
      return await count;
    } catch (cause) {
      this.#known.delete(key);
      throw cause;
    }
  }
}
