import { setImmediate as nextTurn } from 'node:timers/promises';

/** So long at a time may operations together hold the event loop. */
const TURN_MS = 8;
/** From one who waited going on until what it does next has been done: steps of promises. */
const STEPS = 4;

/** Shares the event loop out among all that has much to do: in turns, in the order in which it came. */
export class Turns {
  #waiting: (() => void)[] = [];
  #began: number | null = null;

  /** Undefined: go on at once, this turn is still short. Else wait. */
  pass(): Promise<void> | undefined {
    if (this.#waiting.length === 0 && performance.now() - this.#turnBegan() < TURN_MS) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) void this.#run();
    });
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
    let next = 0;
    while (next < this.#waiting.length) {
      await nextTurn();
      const began = performance.now();
      do {
        this.#waiting[next]?.();
        next += 1;
        for (let step = 0; step < STEPS; step += 1) await undefined;
      } while (next < this.#waiting.length && performance.now() - began < TURN_MS);
    }
    this.#waiting = [];
  }
}
