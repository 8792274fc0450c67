import { setImmediate as nextTurn } from 'node:timers/promises';

const ITEMS = 1000;

interface Sizes<T> {
  readonly sizeOf: (item: T) => number;
  readonly mostBytes: number;
}

/** Many items, a thousand at a time, or fewer where their sizes come to more than `mostBytes`. */
export function* slices<T>(items: Iterable<T>, sizes?: Sizes<T>): Generator<readonly T[]> {
  let slice: T[] = [];
  let bytes = 0;
  for (const item of items) {
    slice.push(item);
    bytes += sizes?.sizeOf(item) ?? 0;
    if (slice.length < ITEMS && bytes < (sizes?.mostBytes ?? 1)) continue;
    yield slice;
    slice = [];
    bytes = 0;
  }
  if (slice.length > 0) yield slice;
}

/** Many items, one after another: others get their turn of the event loop after each thousand. */
export async function* inTurns<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
  let count = 0;
  for await (const item of items) {
    yield item;
    count += 1;
    if (count % ITEMS === 0) await nextTurn();
  }
}
