import { setImmediate as nextTurn } from 'node:timers/promises';
import { Line } from './line.ts';
import { TurnClock } from './turn-clock.ts';

/** How long small tasks together may block the event loop at a time. */
const TURN_MS = 8;
/** The same for large ones, so small ones wait at most this long. */
const LARGE_MS = 4;
/** Promise steps until a resumed waiter has done its next work. */
const STEPS = 4;
/** Until one that has begun something has ended it: a statement takes about ten. */
const MOST_STEPS = 32;

/**
 * Priorities: first what the server does for itself, which clients can't make more of; then the small tasks, and of an
 * account first those that have read something, because they keep that until they are done; then the large ones.
 */
export type Rank = 'server' | 'begun' | 'new' | 'large';

/**
 * Shares the event loop among tasks that may be many or long: in turns of some milliseconds for all of them together,
 * account by account.
 */
export class Turns {
  readonly #first = new Line();
  readonly #small = new Line();
  readonly #large = new Line();
  readonly #turn = new TurnClock();
  #isRunning = false;
  /** Of `run`. */
  #begun = 0;

  /** Undefined: continue, this turn is still short. Otherwise await it. */
  pass(rank: Rank, account: string): Promise<void> | undefined {
    if (this.#isNext(rank) && this.#turn.elapsedMs() < (rank === 'large' ? LARGE_MS : TURN_MS)) return undefined;
    return this.wait(rank, account);
  }

  #isNext(rank: Rank): boolean {
    if (!this.#first.isEmpty) return false;
    if (rank === 'server') return true;
    return this.#small.isEmpty && (rank !== 'large' || this.#large.isEmpty);
  }

  /** Resolves in a later turn: for work that is about to take long without a pause, or just did. */
  wait(rank: Rank, account: string): Promise<void> {
    return new Promise((resolve) => {
      if (rank === 'server') this.#first.add(account, resolve, false);
      else if (rank === 'large') this.#large.add(account, resolve, false);
      else this.#small.add(account, resolve, rank === 'begun');
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Does something that takes a while once it has begun, such as a statement; one after another. */
  async run<T>(rank: Rank, account: string, work: () => Promise<T>): Promise<T> {
    // How long this turn will be isn't known before the other one has ended.
    const turn = this.#begun > 0 ? this.wait(rank, account) : this.pass(rank, account);
    if (turn !== undefined) await turn;
    this.#begun += 1;
    try {
      return await work();
    } finally {
      this.#begun -= 1;
    }
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (!this.#first.isEmpty || !this.#small.isEmpty || !this.#large.isEmpty) {
      await nextTurn();
      await this.#goOn(this.#first, TURN_MS);
      await this.#goOn(this.#small, TURN_MS);
      await this.#goOn(this.#large, LARGE_MS);
    }
    this.#isRunning = false;
  }

  async #goOn(line: Line, milliseconds: number): Promise<void> {
    for (const until = performance.now() + milliseconds; performance.now() < until; ) {
      const wake = line.next();
      if (wake === undefined) return;
      wake();
      for (let step = 0; step < STEPS || (this.#begun > 0 && step < MOST_STEPS); step += 1) await undefined;
    }
  }
}

/** Of this process, which has one event loop. */
export const TURNS = new Turns();
