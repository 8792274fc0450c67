import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
  return Promise.all(Array.from({ length: steps }, () => turns.pass(rank, 'ada')?.then(step) ?? step()));
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
  await turns.wait('large', 'ada');
  expect(isIn).toBe(false);
});

it('accounts take turns, however much each has to do', async () => {
  const turns = new Turns();
  const done: string[] = [];
  const all = [...Array.from({ length: 50 }, () => 'ada'), 'ben', 'eve', 'eve'].map((account) =>
    turns.wait('new', account).then(() => {
      now += STEP_MS;
      done.push(account);
    }),
  );
  await Promise.all(all);
  expect(done.slice(0, 6)).toEqual(['ada', 'ben', 'eve', 'ada', 'eve', 'ada']);
});

it('what has read something goes on before what has not, of the same account', async () => {
  const turns = new Turns();
  const done: string[] = [];
  const waits = (['new', 'begun', 'large'] as const).map((rank) => turns.wait(rank, 'ada').then(() => done.push(rank)));
  await Promise.all(waits);
  expect(done).toEqual(['begun', 'new', 'large']);
});

it('what the server does for itself goes on before all accounts, however many wait', async () => {
  const turns = new Turns();
  const done: string[] = [];
  const clients = (['begun', 'new', 'large'] as const).flatMap((rank) =>
    Array.from({ length: 100 }, (_, at) => turns.wait(rank, `account ${at}`).then(() => done.push(rank))),
  );
  const own = Array.from({ length: 3 }, () => turns.wait('server', 'server').then(() => done.push('server')));
  await Promise.all([...clients, ...own]);
  expect(done.slice(0, 4)).toEqual(['server', 'server', 'server', 'begun']);
});

it('what the server does for itself keeps none of the others from their turns', async () => {
  const turns = new Turns();
  let isOver = false;
  const server = Promise.all(
    Array.from({ length: 200 }, () =>
      turns.run('server', 'server', async () => {
        now += 5;
      }),
    ),
  ).then(() => {
    isOver = true;
  });
  await new Promise(setImmediate);
  for (const rank of ['begun', 'new', 'large'] as const) await turns.run(rank, 'ada', async () => undefined);
  expect(isOver).toBe(false);
  await server;
});

describe('what takes a while once it has begun', () => {
  const STATEMENT_MS = 5;
  /** Promise steps before it holds the event loop, and after. */
  const step = async () => {
    for (let count = 0; count < 10; count += 1) await undefined;
  };
  const statement = async () => {
    await step();
    now += STATEMENT_MS;
    await step();
  };

  it.each(['server', 'begun', 'new', 'large'] as const)('is done one after another, in turns: %s', async (rank) => {
    const turns = new Turns();
    const began = now;
    const work = async (account: string) => {
      for (let count = 0; count < 5; count += 1) await turns.run(rank, account, statement);
    };
    const all = Promise.all(Array.from({ length: 40 }, (_, at) => work(`account ${at % 4}`)));
    // The first one is done at once, before the first turn.
    expect(await longestHold(all)).toBeLessThanOrEqual(8 + 2 * STATEMENT_MS);
    expect(now - began).toBe(40 * 5 * STATEMENT_MS);
  });

  it('holds up nobody if it fails, and fails for itself alone', async () => {
    const turns = new Turns();
    const failing = Array.from({ length: 5 }, (_, at) =>
      turns.run('new', 'ada', () => Promise.reject(new Error(`${at}`))),
    );
    const outcomes = await Promise.allSettled([...failing, turns.run('new', 'ada', async () => 'done')]);
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.message : outcome.value))).toEqual(
      [...['0', '1', '2', '3', '4'], 'done'],
    );
    expect(turns.pass('large', 'ben')).toBeUndefined();
  });
});

it('as many may wait as a large operation has values, and each comes in its order', async () => {
  const turns = new Turns();
  const count = 500_000;
  let next = 0;
  const inOrder = (at: number) => {
    if (at === next) next += 1;
  };
  await Promise.all(Array.from({ length: count }, (_, at) => turns.wait('large', 'ada').then(() => inOrder(at))));
  expect(next).toBe(count);
});
