import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Feed } from '../../feeds/index.ts';
import { Kept, MOST_KEPT_BYTES } from './memo.ts';
import type { Sink } from './sink.ts';
import { Tape } from './tape.ts';

const MIB = 1024 ** 2;
const SUBSCRIPTIONS = 50;

/** What several subscriptions are sent to, which takes one result at a time. */
class Connection {
  isFull = false;
  /** Who was sent something since it was drained last. */
  sent: number[] = [];
  readonly all: number[] = [];
  readonly #waiting = new Map<() => void, number>();

  get waitingBytes(): number {
    return [...this.#waiting.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  sink(number: number): Sink {
    const connection = this;
    return {
      get isFull() {
        return connection.isFull;
      },
      send: () => {
        connection.isFull = true;
        connection.sent.push(number);
        connection.all.push(number);
      },
      whenDrained: (callback, bytes) => void connection.#waiting.set(callback, bytes),
    };
  }

  drain(): void {
    this.isFull = false;
    this.sent = [];
    const callbacks = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const callback of callbacks) callback();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
}

/** Tells its first values, and then as many as it is told to. */
function feed(first: readonly number[], count = 0): Feed<number> {
  return {
    newest: () => 0,
    open: async () => ({ first, position: 0, isOver: false }),
    follow: async function* (after, signal) {
      for (let position = after + 1; position <= count; position += 1) {
        yield { upTo: position, entries: [{ position, value: position }] };
      }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  };
}

describe('subscriptions that share a connection', () => {
  it.each([
    ['what they begin with', [1, 2, 3], 0],
    ['what follows', [], 3],
    ['both', [1], 2],
  ])('send one at a time, each in its turn: %s', async (_what, first, count) => {
    const connection = new Connection();
    const unused = () => undefined;
    for (let number = 0; number < SUBSCRIPTIONS; number += 1) {
      const own = feed(first, count);
      new Tape(own, async (value) => Buffer.from(String(value)), unused).join(own, connection.sink(number));
    }
    for (let drains = 0; drains < SUBSCRIPTIONS * 3; drains += 1) {
      await settle();
      expect(connection.sent).toHaveLength(1);
      connection.drain();
    }
    const times = Array.from({ length: SUBSCRIPTIONS }, (_, number) => connection.all.filter((one) => one === number));
    expect(times.map(({ length }) => length)).toEqual(times.map(() => 3));
  });

  it('count what waits for each of them alone', async () => {
    const connection = new Connection();
    for (let number = 0; number < 10; number += 1) {
      const own = feed([1]);
      new Tape(
        own,
        async () => Buffer.alloc(1000),
        () => undefined,
      ).join(own, connection.sink(number));
    }
    await settle();
    expect(connection.sent).toHaveLength(1);
    expect(connection.waitingBytes).toBe(9 * 1000);
  });
});

describe('tapes', () => {
  it('keep so much for subscribers who are behind, all of them together', async () => {
    const kept = new Kept();
    const places = Array.from({ length: 200 }, () => {
      const own = feed([], 8);
      const tape = new Tape(
        own,
        async () => Buffer.alloc(MIB / 8),
        () => undefined,
        kept,
      );
      const [slow, quick] = [new Connection(), { isFull: false, send: () => undefined, whenDrained: () => undefined }];
      return [tape.join(own, slow.sink(0)), tape.join(own, quick)];
    });
    await settle();
    expect(kept.bytes).toBeGreaterThan(MOST_KEPT_BYTES - MIB);
    expect(kept.bytes).toBeLessThanOrEqual(MOST_KEPT_BYTES);
    for (const place of places.flat()) place.leave();
    expect(kept.bytes).toBe(0);
  });
});
