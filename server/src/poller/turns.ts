import { setImmediate as nextTurn } from 'node:timers/promises';

const ITEMS_A_TURN = 1000;

/** Slices of many jobs, observations or accounts, with turns of the event loop in between. */
export async function* slicesInTurns<T>(items: readonly T[]): AsyncGenerator<readonly T[], void, undefined> {
  for (let start = 0; start < items.length; start += ITEMS_A_TURN) {
    if (start > 0) await nextTurn();
    yield items.slice(start, start + ITEMS_A_TURN);
  }
}

/** The same, one after another. */
export async function* inTurns<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  for await (const slice of slicesInTurns(items)) yield* slice;
}
