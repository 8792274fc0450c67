import { setImmediate as nextTurn } from 'node:timers/promises';
import { TurnClock } from './turn-clock.ts';

/** How long all that share a pace may block the event loop at a time. */
const TURN_MS = 8;
/** Promise steps until a resumed waiter has done its next work. */
const STEPS = 4;

/** Shares the event loop among readers, because one event, or one look at a file, wakes all of them at once. */
export class Pace {
  readonly #waiting: (() => void)[] = [];
  readonly #turn = new TurnClock();

  /** Undefined: continue, this turn is still short. Otherwise await it. */
  pass(): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#turn.elapsedMs() < TURN_MS) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) void this.#run();
    });
  }

  async #run(): Promise<void> {
    do {
      await nextTurn();
      for (const until = performance.now() + TURN_MS; performance.now() < until; ) {
        const [wake] = this.#waiting;
        if (wake === undefined) return;
        wake();
        for (let step = 0; step < STEPS; step += 1) await undefined;
        this.#waiting.shift();
      }
    } while (this.#waiting.length > 0);
  }
}
