import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SharedAnswer } from './shared-answer.ts';

const HOUR = 3600_000;
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([
  ['is right', 0],
  ['was set back', -HOUR],
  ['was set ahead', HOUR],
])('an answer is as old as it is, though the clock %s', async (_what, change) => {
  let asked = 0;
  let isAway = false;
  const answer = new SharedAnswer(async () => {
    if (isAway) throw new Error('the cluster is away');
    asked += 1;
    return asked;
  });
  await answer.get(10_000);
  vi.setSystemTime(Date.now() + change);
  vi.advanceTimersByTime(9000);
  expect(await answer.get(10_000)).toMatchObject({ value: 1, isStale: false });
  vi.advanceTimersByTime(2000);
  isAway = true;
  expect(await answer.get(10_000)).toMatchObject({ value: 1, isStale: true });
  vi.advanceTimersByTime(2000);
  isAway = false;
  expect(await answer.get(10_000)).toMatchObject({ value: 2, isStale: false });
});
