/** How many may be open at a time. */
export interface Bounds {
  readonly inAll: number;
  /** Of one account, so that none keeps the others out. */
  readonly ofAccount: number;
}

/** Why one more may not be open. */
export interface Excess {
  readonly code: 'SERVER_BUSY' | 'LIMIT_EXCEEDED';
  readonly message: string;
}

/** `most`: "500 log downloads". */
export function excessInAll(most: string): Excess {
  const message = `The server allows at most ${most} for all clients together: end some, or try again later`;
  return { code: 'SERVER_BUSY', message };
}

export function excessOfAccount(most: string): Excess {
  const message = `A session, or all users of the token together, may have at most ${most}: end some first`;
  return { code: 'LIMIT_EXCEEDED', message };
}

/** What is counted until it is released. */
export interface Share extends Disposable {
  /** It has become so much more, whether or not that exceeds a bound. */
  add(more: number): void;
}

/** Counts what is open, in total and for each account. */
export class Shares {
  readonly #bounds: Bounds;
  readonly #what: string;
  readonly #accounts = new Map<string, number>();
  #size = 0;

  /** `what`: "log downloads". */
  constructor(bounds: Bounds, what: string) {
    this.#bounds = bounds;
    this.#what = what;
  }

  get size(): number {
    return this.#size;
  }

  /** Null: so many more may be open. */
  excess(account: string, more = 1): Excess | null {
    const { inAll, ofAccount } = this.#bounds;
    if (this.#of(account) + more > ofAccount) return excessOfAccount(`${ofAccount} ${this.#what}`);
    return this.#size + more > inAll ? excessInAll(`${inAll} ${this.#what}`) : null;
  }

  /** Counts so many more until they are released, whether or not they exceed a bound. */
  add(account: string, more = 1): Share {
    let counted = 0;
    let isOpen = true;
    const add = (size: number) => {
      if (!isOpen) return;
      counted += size;
      this.#change(account, size);
    };
    add(more);
    return {
      add,
      [Symbol.dispose]: () => {
        add(-counted);
        isOpen = false;
      },
    };
  }

  #of(account: string): number {
    return this.#accounts.get(account) ?? 0;
  }

  #change(account: string, by: number): void {
    this.#size += by;
    const count = this.#of(account) + by;
    if (count === 0) this.#accounts.delete(account);
    else this.#accounts.set(account, count);
  }
}
