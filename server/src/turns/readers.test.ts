import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

it('gives the event loop back between those that are woken at the same moment, each in its turn', async () => {
  const turns = new Turns();
  const order: number[] = [];
  const follow = async (number: number) => {
    for (let event = 0; event < 3; event += 1) {
      const turn = turns.pass('new', 'events');
      if (turn !== undefined) await turn;
      order.push(number);
      const until = performance.now() + 2;
      while (performance.now() < until);
    }
  };
  const all = Promise.all(Array.from({ length: 30 }, (_, number) => follow(number)));
  const inTurns = [order.length];
  while (order.length < 90) {
    const before = order.length;
    await nextTurn();
    inTurns.push(order.length - before);
  }
  await all;
  expect(Math.max(...inTurns)).toBeLessThan(10);
  expect(order.toSorted((left, right) => left - right)).toEqual(
    Array.from({ length: 90 }, (_, at) => Math.floor(at / 3)),
  );
});

it('holds nobody up while there is little to do', () => {
  expect(new Turns().pass('new', 'events')).toBeUndefined();
});
