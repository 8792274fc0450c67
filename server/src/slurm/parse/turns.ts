import { setImmediate as nextTurn } from 'node:timers/promises';

/** What reads a large answer and says by `yield` where others may have their turn of the event loop. */
export type Reading<T> = Generator<undefined, T, undefined>;

/** So many lines are read, or things made of them, at a time. */
const READ_A_TURN = 1000;

/** Reads all of it in one stretch. */
export function atOnce<T>(reading: Reading<T>): T {
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
  }
}

/** The same in turns of the event loop. */
export async function inTurns<T>(reading: Reading<T>): Promise<T> {
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
    await nextTurn();
  }
}

/** Keeps count of what one answer makes between two turns. */
export class Pace {
  #done = 0;

  /** So much more is done: whether others are to have their turn now. */
  isDue(amount: number): boolean {
    this.#done += amount;
    if (this.#done < READ_A_TURN) return false;
    this.#done = 0;
    return true;
  }
}
