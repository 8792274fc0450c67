/** So many times something may happen at once, and so often for good. */
export class Allowance {
  readonly #most: number;
  readonly #perMs: number;
  #left: number;
  #at = performance.now();

  constructor(most: number, perSecond: number) {
    this.#most = most;
    this.#perMs = perSecond / 1000;
    this.#left = most;
  }

  /** It may happen so many times more. */
  add(times: number): void {
    this.#left = Math.min(this.#most, this.#left + times);
  }

  /** It happens once more, or so many times: whether it may. */
  take(times = 1): boolean {
    const now = performance.now();
    this.add((now - this.#at) * this.#perMs);
    this.#at = now;
    this.#left -= times;
    return this.#left >= 0;
  }
}
