/** Limits how often something happens: so many times at once, then a rate per second. */
export class TokenBucket {
  readonly #size: number;
  readonly #perSecond: number;
  #left: number;
  #countedAt = performance.now();

  constructor(size: number, perSecond: number) {
    this.#size = size;
    this.#perSecond = perSecond;
    this.#left = size;
  }

  /** False: there are not so many, and none is taken. */
  take(tokens = 1): boolean {
    this.#count();
    if (this.#left < tokens) return false;
    this.#left -= tokens;
    return true;
  }

  /** Beside what time brings, up to the size. */
  add(tokens: number): void {
    this.#left = Math.min(this.#size, this.#left + tokens);
  }

  get isFull(): boolean {
    this.#count();
    return this.#left === this.#size;
  }

  #count(): void {
    const now = performance.now();
    this.add(((now - this.#countedAt) / 1000) * this.#perSecond);
    this.#countedAt = now;
  }
}
