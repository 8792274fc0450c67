/** The account of what the server writes for itself. */
export const OF_ITSELF = 'itself';

/**
 * Does one thing at a time. Whose many take long hold up no other account's one: accounts take turns, each with its own in
 * their order, and the server has every other turn.
 */
export class WriteTurns {
  /** By account; the one that comes next is the first of them. */
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();
  #isRunning = false;
  #wasOfItself = false;

  /** Resolves or rejects as `work` does. */
  run<T>(account: string, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const begin = () => work().then(resolve, reject);
      const own = this.#waiting.get(account);
      if (own === undefined) this.#waiting.set(account, [begin]);
      else own.push(begin);
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Whoever asks next in the same turn of the event loop is one of those who wait.
    await Promise.resolve();
    for (let next = this.#next(); next !== undefined; next = this.#next()) await next();
    this.#isRunning = false;
  }

  #next(): (() => Promise<void>) | undefined {
    const account = this.#nextAccount();
    const own = account === undefined ? undefined : this.#waiting.get(account);
    if (account === undefined || own === undefined) return undefined;
    const begin = own.shift();
    this.#waiting.delete(account);
    if (own.length > 0) this.#waiting.set(account, own);
    this.#wasOfItself = account === OF_ITSELF;
    return begin;
  }

  #nextAccount(): string | undefined {
    const clients = this.#waiting.keys().filter((account) => account !== OF_ITSELF);
    const client = clients.next().value;
    if (!this.#waiting.has(OF_ITSELF)) return client;
    return client === undefined || !this.#wasOfItself ? OF_ITSELF : client;
  }
}
