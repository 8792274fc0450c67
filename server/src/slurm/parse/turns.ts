import { setImmediate as nextTurn } from 'node:timers/promises';

/** A reader of a large answer; each `yield` is a point where the event loop may turn. */
export type Reading<T> = Generator<undefined, T, undefined>;

/** The same, which waits at some points for what it has asked. */
export type Asking<T> = Generator<Promise<void> | undefined, T, undefined>;

/** How many lines are read, or objects made, in one turn. */
const READ_A_TURN = 1000;

/** Reads all of it without yielding. */
export function atOnce<T>(reading: Reading<T>): T {
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
  }
}

/** The same in turns of the event loop. */
export async function inTurns<T>(reading: Asking<T>): Promise<T> {
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
    if (step.value !== undefined) await step.value;
    await nextTurn();
  }
}

/** Counts the work between two turns. */
export class Pace {
  #done = 0;

  /** Adds work; true: yield now. */
  isDue(amount: number): boolean {
    this.#done += amount;
    if (this.#done < READ_A_TURN) return false;
    this.#done = 0;
    return true;
  }
}
