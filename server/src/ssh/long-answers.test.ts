import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SshUnavailable } from './errors.ts';
import { LongAnswers } from './long-answers.ts';

const TURN_MS = 1000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Who waits for a turn or has one. */
function anAnswer(turns: LongAnswers, name: string, log: string[]) {
  const [over, until] = [new AbortController(), new AbortController()];
  const taken = turns.take(over.signal, until.signal).then(() => void log.push(name));
  taken.catch(() => undefined);
  return { taken, isRead: () => until.abort(), isGivenUp: () => over.abort(new Error('it was given up')) };
}

const settled = () => vi.advanceTimersByTimeAsync(0);

it('a turn lasts until the answer is read, and the next is that of whoever came first', async () => {
  const [turns, log] = [new LongAnswers(TURN_MS), [] as string[]];
  const answers = ['a', 'b', 'c'].map((name) => anAnswer(turns, name, log));
  for (const [index, { isRead }] of answers.entries()) {
    await settled();
    expect(log.join('')).toBe('abc'.slice(0, index + 1));
    isRead();
  }
});

it('a turn has a deadline, whoever holds it, and is given back once', async () => {
  const [turns, log] = [new LongAnswers(TURN_MS), [] as string[]];
  const [first, second] = ['a', 'b', 'c', 'd'].map((name) => anAnswer(turns, name, log));
  await vi.advanceTimersByTimeAsync(TURN_MS - 1);
  expect(log.join('')).toBe('a');
  await vi.advanceTimersByTimeAsync(1);
  expect(log.join('')).toBe('ab');
  first?.isRead();
  await settled();
  expect(log.join('')).toBe('ab');
  second?.isRead();
  await settled();
  expect(log.join('')).toBe('abc');
  await vi.advanceTimersByTimeAsync(TURN_MS - 1);
  expect(log.join('')).toBe('abc');
});

it('however many turns one takes that never ends its own, others come between them', async () => {
  const [turns, log] = [new LongAnswers(TURN_MS), [] as string[]];
  for (let round = 0; round < 5; round += 1) {
    anAnswer(turns, 'hostile', log);
    const healthy = anAnswer(turns, 'healthy', log);
    await vi.advanceTimersByTimeAsync(TURN_MS);
    healthy.isRead();
  }
  expect(log.filter((name) => name === 'healthy')).toHaveLength(5);
});

it.each<[string, (answer: ReturnType<typeof anAnswer>) => void]>([
  ['given up', ({ isGivenUp }) => isGivenUp()],
  [
    'given up and read',
    ({ isGivenUp, isRead }) => {
      isGivenUp();
      isRead();
    },
  ],
])('one that is %s while it waits takes no turn', async (_what, end) => {
  const [turns, log] = [new LongAnswers(TURN_MS), [] as string[]];
  const [first, second, third] = ['a', 'b', 'c'].map((name) => anAnswer(turns, name, log));
  await settled();
  if (second !== undefined) end(second);
  await expect(second?.taken).rejects.toThrow(SshUnavailable);
  first?.isRead();
  await settled();
  third?.isRead();
  expect(log).toEqual(['a', 'c']);
});

it('one that is over before its turn comes holds up nobody', async () => {
  const [turns, log] = [new LongAnswers(TURN_MS), [] as string[]];
  const [first, second, third] = ['a', 'b', 'c'].map((name) => anAnswer(turns, name, log));
  second?.isRead();
  first?.isRead();
  await settled();
  third?.isRead();
  expect(log).toEqual(['a', 'b', 'c']);
});
