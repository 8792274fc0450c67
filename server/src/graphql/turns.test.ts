import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Rank, Turns } from './turns.ts';

/** What anybody does takes this long, by a clock that nothing else moves. */
const STEP_MS = 1;

let now = 0;
beforeEach(() => void vi.spyOn(performance, 'now').mockImplementation(() => now));
afterEach(() => void vi.restoreAllMocks());

/** Does so many steps, as `Work` has a list answered: at once as long as it may, and the others as they are let. Gives when each was done. */
async function work(turns: Turns, rank: Rank, steps: number): Promise<number[]> {
  const step = () => {
    now += STEP_MS;
    return now;
  };
  return Promise.all(Array.from({ length: steps }, () => turns.pass(rank)?.then(step) ?? step()));
}

/** How long the event loop was held at most while it lasted. */
async function longestHold(lasting: Promise<unknown>): Promise<number> {
  let longest = 0;
  let isOver = false;
  void lasting.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const began = now;
    await new Promise(setImmediate);
    longest = Math.max(longest, now - began);
  }
  return longest;
}

it('large operations hold the event loop for four milliseconds at a time, however many there are', async () => {
  const turns = new Turns();
  const all = Promise.all(Array.from({ length: 10 }, () => work(turns, 'large', 50)));
  expect(await longestHold(all)).toBeLessThanOrEqual(5);
  expect(now).toBeGreaterThanOrEqual(500);
});

it('a small operation goes on before all large ones that wait', async () => {
  const turns = new Turns();
  const large = work(turns, 'large', 200);
  await new Promise(setImmediate);
  const asked = now;
  const [done] = await work(turns, 'new', 1);
  expect((done ?? Infinity) - asked).toBeLessThanOrEqual(6);
  await large;
});

it('what waits for a turn never goes on in the one that it is in', async () => {
  const turns = new Turns();
  let isIn = true;
  setImmediate(() => {
    isIn = false;
  });
  await turns.wait('large');
  expect(isIn).toBe(false);
});
