/** Who waits, by account: accounts take turns, however many wait of each. */
export class Line {
  /** The next account comes first. */
  readonly #accounts = new Map<string, { readonly first: (() => void)[]; readonly others: (() => void)[] }>();

  get isEmpty(): boolean {
    return this.#accounts.size === 0;
  }

  /** `isFirst`: before the others of its account. */
  add(account: string, wake: () => void, isFirst: boolean): void {
    const waiting = this.#accounts.get(account) ?? { first: [], others: [] };
    this.#accounts.set(account, waiting);
    (isFirst ? waiting.first : waiting.others).push(wake);
  }

  /** Undefined: nobody waits. */
  next(): (() => void) | undefined {
    for (const [account, waiting] of this.#accounts) {
      const wake = waiting.first.shift() ?? waiting.others.shift();
      this.#accounts.delete(account);
      // After the others, if more of it wait.
      if (waiting.first.length + waiting.others.length > 0) this.#accounts.set(account, waiting);
      if (wake !== undefined) return wake;
    }
    return undefined;
  }
}
