import { setImmediate as nextTurn } from 'node:timers/promises';

const ITEMS_A_TURN = 1000;

/** Each of many jobs or accounts, one after another: others have their turn of the event loop in between. */
export async function* inTurns<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % ITEMS_A_TURN === 0) await nextTurn();
    yield item;
  }
}
