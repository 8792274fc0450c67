/** How many tapes each account has subscribers of. */
export class Audiences {
  readonly #tapes = new Map<string, number>();

  /** That of one more tape. */
  create(): Audience {
    return new Audience(this.#tapes);
  }
}

/** The accounts that have subscribers of one tape, which takes the turns of one of them. */
export class Audience {
  readonly #tapes: Map<string, number>;
  readonly #subscribers = new Map<string, number>();
  #last = '';

  /** `tapes`: how many each account has. */
  constructor(tapes: Map<string, number>) {
    this.#tapes = tapes;
  }

  /** One more subscriber, until it is released. */
  add(account: string): Disposable {
    if (count(this.#subscribers, account, 1) === 1) count(this.#tapes, account, 1);
    return {
      [Symbol.dispose]: () => {
        if (count(this.#subscribers, account, -1) === 0) count(this.#tapes, account, -1);
      },
    };
  }

  /**
   * The account that has the fewest tapes: one that subscribes to thousands makes none of the others wait for them,
   * whatever it shares with these. Once all have left, the last one.
   */
  account(): string {
    let fewest = Number.POSITIVE_INFINITY;
    for (const account of this.#subscribers.keys()) {
      const tapes = this.#tapes.get(account) ?? 0;
      if (tapes >= fewest) continue;
      fewest = tapes;
      this.#last = account;
    }
    return this.#last;
  }
}

/** Returns how many there are then. */
function count(counts: Map<string, number>, account: string, by: number): number {
  const next = (counts.get(account) ?? 0) + by;
  if (next === 0) counts.delete(account);
  else counts.set(account, next);
  return next;
}
