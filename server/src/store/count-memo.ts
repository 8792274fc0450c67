import { createHash } from 'node:crypto';

const KEPT = 100;

/** Counts that hold until something is written: pages that are turned, and many who look at one list, count it once. */
export class CountMemo {
  readonly #version: () => number;
  /** The one that was asked for last is the last. */
  readonly #known = new Map<string, { readonly version: number; readonly count: Promise<number> }>();

  /** `version`: what grows with everything that is written. */
  constructor(version: () => number) {
    this.#version = version;
  }

  /** `question`: of any length; what is kept of it is short. */
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
