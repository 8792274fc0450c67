import { setImmediate as nextTurn } from 'node:timers/promises';
import { TurnClock } from '../events/index.ts';

/** How long small operations together may block the event loop at a time. */
const TURN_MS = 8;
/** The same for large ones, so small ones wait at most this long. */
const LARGE_MS = 4;
/** Promise steps until a resumed waiter has done its next work. */
const STEPS = 4;

/**
 * Priorities: first a small operation that has read something, because it keeps that until it is done; then one that
 * has not begun; then a large one.
 */
export type Rank = 'begun' | 'new' | 'large';

/** Shares the event loop among long tasks: in turns, in order of arrival within each rank. */
export class Turns {
  readonly #waiting: Readonly<Record<Rank, (() => void)[]>> = { begun: [], new: [], large: [] };
  #isRunning = false;
  readonly #turn = new TurnClock();

  /** Undefined: continue, this turn is still short. Otherwise await it. */
  pass(rank: Rank): Promise<void> | undefined {
    const most = rank === 'large' ? LARGE_MS : TURN_MS;
    if (!this.#isAwaited(rank) && this.#turn.elapsedMs() < most) return undefined;
    return this.wait(rank);
  }

  /** Resolves in a later turn: for work that is about to take long without a pause, or just did. */
  wait(rank: Rank): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting[rank].push(resolve);
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Whether a waiter has a higher rank. */
  #isAwaited(rank: Rank): boolean {
    const { begun, new: fresh, large } = this.#waiting;
    return begun.length > 0 || (rank !== 'begun' && fresh.length > 0) || (rank === 'large' && large.length > 0);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    const { begun, new: fresh, large } = this.#waiting;
    while (this.#isAwaited('large')) {
      await nextTurn();
      const began = performance.now();
      await goOn(() => begun.shift() ?? fresh.shift(), began + TURN_MS);
      await goOn(() => large.shift(), performance.now() + LARGE_MS);
    }
    this.#isRunning = false;
  }
}

async function goOn(next: () => (() => void) | undefined, until: number): Promise<void> {
  while (performance.now() < until) {
    const waiting = next();
    if (waiting === undefined) return;
    waiting();
    for (let step = 0; step < STEPS; step += 1) await undefined;
  }
}
