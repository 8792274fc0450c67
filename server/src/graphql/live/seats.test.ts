import { expect, it } from 'vitest';
import { SEATS, Seats } from './seats.ts';

const never = new AbortController().signal;

it('are taken by so many at a time, in their order, and given back once', async () => {
  const seats = new Seats();
  const seated: number[] = [];
  const taking = Array.from({ length: SEATS + 3 }, async (_, number) => {
    const seat = await seats.take('alpha', never);
    seated.push(number);
    return seat;
  });
  const [first, second] = await Promise.all(taking.slice(0, 2));
  expect(seated).toHaveLength(SEATS);
  first?.[Symbol.dispose]();
  first?.[Symbol.dispose]();
  await taking[SEATS];
  expect(seated).toHaveLength(SEATS + 1);
  second?.[Symbol.dispose]();
  await taking[SEATS + 1];
  expect(seated).toEqual(Array.from({ length: SEATS + 2 }, (_, number) => number));
});

it('of one cluster keep nobody from another', async () => {
  const seats = new Seats();
  for (let taken = 0; taken < SEATS; taken += 1) await seats.take('hangs', never);
  expect(await seats.take('alpha', never)).not.toBeNull();
});

it('are not waited for by one that has left, who takes none from the others', async () => {
  const seats = new Seats();
  const [first] = await Promise.all(Array.from({ length: SEATS }, () => seats.take('alpha', never)));
  const leaving = new AbortController();
  const left = seats.take('alpha', leaving.signal);
  const next = seats.take('alpha', never);
  leaving.abort();
  expect(await left).toBeNull();
  first?.[Symbol.dispose]();
  expect(await next).not.toBeNull();
  expect(await seats.take('alpha', leaving.signal)).toBeNull();
});
