/** Who waits, by account: accounts take turns, however many wait of each. */
export class Line {
  /** The next account comes first. */
  readonly #accounts = new Map<string, { readonly first: Queue; readonly others: Queue }>();

  get isEmpty(): boolean {
    return this.#accounts.size === 0;
  }

  /** `isFirst`: before the others of its account. */
  add(account: string, wake: () => void, isFirst: boolean): void {
    const waiting = this.#accounts.get(account) ?? { first: new Queue(), others: new Queue() };
    this.#accounts.set(account, waiting);
    (isFirst ? waiting.first : waiting.others).push(wake);
  }

  /** Undefined: nobody waits. */
  next(): (() => void) | undefined {
    for (const [account, waiting] of this.#accounts) {
      const wake = waiting.first.shift() ?? waiting.others.shift();
      this.#accounts.delete(account);
      // After the others, if more of it wait.
      if (!waiting.first.isEmpty || !waiting.others.isEmpty) this.#accounts.set(account, waiting);
      if (wake !== undefined) return wake;
    }
    return undefined;
  }
}

/** From here on what was taken out is removed, if it is the larger part. */
const MANY_TAKEN = 1000;

/** Each is taken out in the same time, however many wait: `shift` of an array moves all the others, once they are many. */
class Queue {
  #waiting: (() => void)[] = [];
  #taken = 0;

  get isEmpty(): boolean {
    return this.#taken === this.#waiting.length;
  }

  push(wake: () => void): void {
    this.#waiting.push(wake);
  }

  shift(): (() => void) | undefined {
    const wake = this.#waiting[this.#taken];
    if (wake === undefined) return undefined;
    this.#taken += 1;
    if (this.#taken >= MANY_TAKEN && this.#taken * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#taken);
      this.#taken = 0;
    }
    return wake;
  }
}
