import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aJob } from '../domain/testing.ts';
import { isLongOver, isSettled, LATE_MS } from './log-end.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => vi.useRealTimers());

describe('a log of a job that has just ended, when the controller has another time than the login,', () => {
  it.each([
    ['is right', 0],
    ['is behind', 100],
    ['is as far behind as Slurm allows', 299],
    ['is ahead', -100],
    ['was days ahead, and was set back', -2 * 24 * 3600],
  ])('which %s, is not taken for complete while it may grow', (_what, behind) => {
    const job = aJob({ state: 'COMPLETED', endedAt: new Date(Date.now() - behind * 1000) });
    expect(isLongOver(job)).toBe(false);
    expect(isSettled(job, { seenBytes: 10, recorded: 20, quietMs: LATE_MS - 1 })).toBe(false);
    expect(isSettled(job, { seenBytes: 20, recorded: 20, quietMs: 1000 })).toBe(false);
    expect(isSettled(job, { seenBytes: 10, recorded: null, quietMs: 1000 })).toBe(false);
    expect(isSettled(job, { seenBytes: 10, recorded: 20, quietMs: LATE_MS })).toBe(true);
  });

  it('is complete at once when the job is long over', () => {
    const job = aJob({ state: 'COMPLETED', endedAt: new Date(Date.now() - 3600_000) });
    expect(isSettled(job, { seenBytes: 10, recorded: 20, quietMs: 0 })).toBe(true);
  });
});
