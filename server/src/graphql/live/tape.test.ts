import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WakeUp } from '../../events/index.ts';
import type { Feed } from '../../feeds/index.ts';
import type { Sink } from './sink.ts';
import { type Place, Tape } from './tape.ts';

/** Numbers that grow, some of which are passed over as a filter does it. */
class Numbers {
  readonly #news = new WakeUp();
  readonly isShown: (number: number) => boolean;
  newest = 0;
  /** Readers that hold what they were told last. */
  reading = 0;
  #isOver = false;

  constructor(isShown: (number: number) => boolean = () => true) {
    this.isShown = isShown;
  }

  grow(count: number): void {
    this.newest += count;
    this.#news.notify();
  }

  end(): void {
    this.#isOver = true;
    this.#news.notify();
  }

  feed(after: number | null = null): Feed<number> {
    return {
      newest: () => this.newest,
      open: async () => ({ first: [], position: after ?? this.newest, isOver: false }),
      follow: (position, signal) => this.#follow(position, signal),
    };
  }

  shownAfter(position: number): number[] {
    return Array.from({ length: this.newest - position }, (_, index) => position + index + 1).filter(this.isShown);
  }

  async *#follow(after: number, signal: AbortSignal) {
    this.reading += 1;
    try {
      yield* this.#readOn(after, signal);
    } finally {
      this.reading -= 1;
    }
  }

  async *#readOn(after: number, signal: AbortSignal) {
    let position = after;
    while (!signal.aborted) {
      if (position < this.newest) {
        const upTo = Math.min(this.newest, position + 7);
        const numbers = this.shownAfter(position).filter((number) => number <= upTo);
        position = upTo;
        yield { upTo, entries: numbers.map((number) => ({ position: number, value: number })) };
      } else if (this.#isOver) {
        return;
      } else {
        await this.#news.wait(signal);
      }
    }
  }
}

/** A receiver that takes so many results until it is drained. */
class Receiver implements Sink {
  readonly received: number[] = [];
  readonly #capacity: number;
  #held = 0;
  #callback: (() => void) | null = null;
  most = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get isFull(): boolean {
    return this.#held >= this.#capacity;
  }

  send(result: Buffer): void {
    this.received.push(Number(result.toString().trim()));
    this.#held += 1;
    this.most = Math.max(this.most, this.#held);
  }

  whenDrained(callback: () => void): void {
    expect(this.#callback).toBeNull();
    this.#callback = callback;
  }

  drain(): void {
    this.#held = 0;
    const callback = this.#callback;
    this.#callback = null;
    callback?.();
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
}

type Step =
  | { readonly kind: 'join'; readonly capacity: number; readonly behind: number | null }
  | { readonly kind: 'grow'; readonly count: number }
  | { readonly kind: 'drain' | 'leave'; readonly which: number }
  | { readonly kind: 'wait' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('join' as const),
    capacity: fc.constantFrom(1, 2, 5, 1000),
    behind: fc.option(fc.nat(40)),
  }),
  fc.record({ kind: fc.constant('grow' as const), count: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ kind: fc.constantFrom('drain' as const, 'leave' as const), which: fc.nat(9) }),
  fc.constant({ kind: 'wait' as const }),
);

describe('a tape', () => {
  // Results of a size of which the tape holds about ten, so that the slow ones fall off it.
  const PADDING = 'x'.repeat(100_000).replaceAll('x', ' ');

  it('tells everybody everything once and in order, whenever they come and however slowly they read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const numbers = new Numbers((number) => number % 5 !== 0);
        numbers.grow(3);
        const tape = new Tape(
          numbers.feed(),
          async (number) => Buffer.from(`${number}${PADDING}`),
          () => undefined,
        );
        // Somebody is always there: a tape that nobody uses is over.
        const steady = new Receiver(1000);
        tape.join(numbers.feed(), steady);
        const all = [{ start: numbers.newest, receiver: steady, place: null as Place | null, hasLeft: false }];
        await turns(2);
        for (const one of steps) {
          if (one.kind === 'join') {
            const start = one.behind === null ? numbers.newest : Math.max(0, numbers.newest - one.behind);
            const receiver = new Receiver(one.capacity);
            all.push({ start, receiver, place: tape.join(numbers.feed(start), receiver), hasLeft: false });
          } else if (one.kind === 'grow') numbers.grow(one.count);
          else if (one.kind === 'wait') await turns(3);
          else {
            const reader = all[1 + (one.which % Math.max(1, all.length - 1))];
            if (one.kind === 'drain') reader?.receiver.drain();
            else if (reader !== undefined && reader.place !== null) {
              reader.hasLeft = true;
              reader.place.leave();
            }
          }
        }
        const isDone = () =>
          all.every(
            ({ start, receiver, hasLeft }) => hasLeft || receiver.received.length >= numbers.shownAfter(start).length,
          );
        for (let round = 0; round < 2000 && !isDone(); round += 1) {
          for (const { receiver } of all) receiver.drain();
          await nextTurn();
        }
        await turns(3);
        for (const { start, receiver, hasLeft } of all) {
          const expected = numbers.shownAfter(start);
          // Whoever left has been told a beginning of it.
          expect(receiver.received).toEqual(hasLeft ? expected.slice(0, receiver.received.length) : expected);
        }
        for (const { place } of all) place?.leave();
      }),
      { numRuns: 60 },
    );
  });

  it('executes a value once for all who are there, and once for all who catch up', async () => {
    const numbers = new Numbers();
    numbers.grow(20);
    const executed: number[] = [];
    const tape = new Tape(
      numbers.feed(),
      async (number) => {
        executed.push(number);
        return Buffer.from(String(number));
      },
      () => undefined,
    );
    const receivers = Array.from({ length: 10 }, (_, index) => {
      const receiver = new Receiver(1000);
      tape.join(numbers.feed(index < 5 ? null : 0), receiver);
      return receiver;
    });
    await turns(20);
    numbers.grow(5);
    await turns(20);
    expect(receivers.map(({ received }) => received.length)).toEqual([5, 5, 5, 5, 5, 25, 25, 25, 25, 25]);
    expect(executed).toHaveLength(25);
  });

  it('sends nothing more to one that has enough, until it is drained', async () => {
    const numbers = new Numbers();
    const tape = new Tape(
      numbers.feed(),
      async (number) => Buffer.from(String(number)),
      () => undefined,
    );
    const quick = new Receiver(1000);
    const slow = new Receiver(3);
    tape.join(numbers.feed(), quick);
    tape.join(numbers.feed(), slow);
    await turns(2);
    numbers.grow(50);
    await turns(50);
    expect(quick.received).toHaveLength(50);
    expect(slow.received).toHaveLength(3);
    for (let round = 0; round < 30; round += 1) {
      slow.drain();
      await turns(3);
    }
    expect(slow.received).toEqual(quick.received);
    expect(slow.most).toBe(3);
  });

  it('holds nothing for those who are behind and can take no more', async () => {
    const numbers = new Numbers();
    numbers.grow(100);
    const tape = new Tape(
      numbers.feed(),
      async (number) => Buffer.from(String(number)),
      () => undefined,
    );
    const receivers = Array.from({ length: 20 }, () => new Receiver(3));
    for (const [index, receiver] of receivers.entries()) tape.join(numbers.feed(index), receiver);
    await turns(50);
    expect(receivers.map(({ received }) => received.length)).toEqual(receivers.map(() => 3));
    // The tape's own reader.
    expect(numbers.reading).toBeLessThanOrEqual(1);
  });

  it('reads no further while nobody can take more', async () => {
    const numbers = new Numbers();
    let executed = 0;
    const tape = new Tape(
      numbers.feed(),
      async (number) => {
        executed += 1;
        return Buffer.from(String(number));
      },
      () => undefined,
    );
    const slow = new Receiver(3);
    tape.join(numbers.feed(), slow);
    await turns(2);
    numbers.grow(1000);
    await turns(50);
    expect(executed).toBe(4);
  });

  it('ends for everybody with its feed, and stops when the last one has left', async () => {
    let unused = 0;
    const numbers = new Numbers();
    const open = () =>
      new Tape(
        numbers.feed(),
        async (number) => Buffer.from(String(number)),
        () => {
          unused += 1;
        },
      );
    const left = open();
    const place = left.join(numbers.feed(), new Receiver(1000));
    place.leave();
    await place.ended;
    expect(unused).toBeGreaterThan(0);

    const tape = open();
    const receivers = [new Receiver(1000), new Receiver(1)];
    const places = receivers.map((receiver) => tape.join(numbers.feed(), receiver));
    await turns(2);
    numbers.grow(3);
    numbers.end();
    await places[0]?.ended;
    expect(receivers.map(({ received }) => received.length)).toEqual([3, 1]);
    for (let round = 0; round < 10; round += 1) {
      receivers[1]?.drain();
      await turns(2);
    }
    await places[1]?.ended;
    expect(receivers[1]?.received).toEqual([1, 2, 3]);
  });

  it('ends for nobody who came when its feed had begun again', async () => {
    const numbers = new Numbers();
    const END = 3;
    const feed = (position: number): Feed<number> => {
      const whole = numbers.feed(position);
      return {
        ...whole,
        follow: async function* (after, signal) {
          if (after >= END) return yield* whole.follow(after, signal);
          const shown = numbers.shownAfter(after).filter((number) => number <= END);
          yield { upTo: END, entries: shown.map((number) => ({ position: number, value: number })) };
        },
      };
    };
    numbers.grow(5);
    const tape = new Tape(
      { ...feed(0), newest: () => 0 },
      async (number) => Buffer.from(String(number)),
      () => undefined,
    );
    const slow = new Receiver(1);
    const slowPlace = tape.join(feed(0), slow);
    await turns(3);
    const late = new Receiver(1000);
    const latePlace = tape.join(feed(5), late);
    let hasEnded = false;
    void latePlace.ended.then(() => {
      hasEnded = true;
    });
    for (let round = 0; round < 10; round += 1) {
      slow.drain();
      await turns(2);
    }
    await slowPlace.ended;
    expect(slow.received).toEqual([1, 2, 3]);
    numbers.grow(1);
    await turns(5);
    expect([late.received, hasEnded]).toEqual([[6], false]);
    latePlace.leave();
  });

  it('fails for everybody with its feed', async () => {
    const numbers = new Numbers();
    const broken: Feed<number> = {
      ...numbers.feed(),
      // biome-ignore lint/correctness/useYield: it breaks before it has anything to tell.
      follow: async function* () {
        await nextTurn();
        throw new Error('the store is gone');
      },
    };
    const tape = new Tape(
      broken,
      async (number) => Buffer.from(String(number)),
      () => undefined,
    );
    const place = tape.join(numbers.feed(), new Receiver(1));
    await expect(place.ended).rejects.toThrow('the store is gone');
  });
});
