import { setImmediate as nextTurn } from 'node:timers/promises';

/** So long at a time may small operations together hold the event loop. */
const TURN_MS = 8;
/** And large ones, however much small ones have to do: those wait for as long at most. */
const LARGE_MS = 4;
/** From one who waited going on until what it does next has been done: steps of promises. */
const STEPS = 4;

/**
 * Who goes on first: a small operation that has read something, as it holds that until it is done; then one that has yet
 * to begin; then a large one.
 */
export type Rank = 'begun' | 'new' | 'large';

/** Shares the event loop out among all that has much to do: in turns, of each rank in the order in which it came. */
export class Turns {
  readonly #waiting: Readonly<Record<Rank, (() => void)[]>> = { begun: [], new: [], large: [] };
  #isRunning = false;
  #began: number | null = null;

  /** Undefined: go on at once, this turn is still short. Else wait. */
  pass(rank: Rank): Promise<void> | undefined {
    const most = rank === 'large' ? LARGE_MS : TURN_MS;
    if (!this.#isAwaited(rank) && performance.now() - this.#turnBegan() < most) return undefined;
    return this.wait(rank);
  }

  /** Resolves in a turn that is to come: for what is about to take a while without a pause, or just has. */
  wait(rank: Rank): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting[rank].push(resolve);
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Whether somebody waits who goes first. */
  #isAwaited(rank: Rank): boolean {
    const { begun, new: fresh, large } = this.#waiting;
    return begun.length > 0 || (rank !== 'begun' && fresh.length > 0) || (rank === 'large' && large.length > 0);
  }

  #turnBegan(): number {
    if (this.#began !== null) return this.#began;
    this.#began = performance.now();
    setImmediate(() => {
      this.#began = null;
    });
    return this.#began;
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
