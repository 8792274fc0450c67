import { describe, expect, it } from 'vitest';
import { SubmissionRetries } from './submission-retries.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const PAUSES = { retryMs: 15 * SECOND, longestRetryMs: 30 * MINUTE, givenUpMs: 24 * HOUR };

/** When a job whose every attempt fails is tried, until it is given up. */
function attempts(retries: SubmissionRetries, from = 0): number[] {
  const times: number[] = [];
  for (let now = from; ; now += PAUSES.retryMs) {
    if (!retries.isDue('a', now)) continue;
    times.push(now - from);
    if (retries.failed('a', now)) return times;
  }
}

describe('a job that faults keep from Slurm', () => {
  it('is tried at once, then at growing intervals of half an hour at most, for a day', () => {
    const times = attempts(new SubmissionRetries(PAUSES));
    expect(times.slice(0, 5)).toEqual([0, 15 * SECOND, 30 * SECOND, 75 * SECOND, 180 * SECOND]);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(Math.max(...pauses)).toBe(30 * MINUTE);
    expect(times.at(-1)).toBeGreaterThanOrEqual(24 * HOUR);
    expect(times.at(-2)).toBeLessThan(24 * HOUR);
    expect(times.length).toBeLessThan(60);
  });

  it('is due once what kept it may be over, and the pause goes on from where it was if it is not', () => {
    const retries = new SubmissionRetries(PAUSES);
    for (let count = 0; count < 10; count += 1) retries.failed('a', 0);
    expect(retries.isDue('a', MINUTE)).toBe(false);
    retries.hurry();
    expect(retries.isDue('a', MINUTE)).toBe(true);
    retries.failed('a', MINUTE);
    expect(retries.isDue('a', 2 * MINUTE)).toBe(false);
  });

  it('is one of many that is due once Slurm took a job of others, and no other before that one has failed', () => {
    const retries = new SubmissionRetries(PAUSES);
    for (const id of ['a', 'b', 'c']) for (let count = 0; count < 10; count += 1) retries.failed(id, 0);
    const due = (now: number) => ['a', 'b', 'c'].filter((id) => retries.isDue(id, now));
    retries.accepted('good');
    retries.accepted('better');
    expect(due(MINUTE)).toEqual(['a']);
    retries.failed('a', MINUTE);
    expect(due(MINUTE)).toEqual([]);
    retries.accepted('good');
    expect(due(MINUTE)).toEqual(['b']);
    retries.keepOnly((id) => id !== 'b');
    retries.accepted('good');
    expect(due(MINUTE).filter((id) => id !== 'b')).toEqual(['c']);
    expect(['a', 'b', 'c', 'good'].filter((id) => retries.isFaulty(id))).toEqual(['a', 'c']);
  });

  it('is due with all others once Slurm took one of them', () => {
    const retries = new SubmissionRetries(PAUSES);
    for (const id of ['a', 'b', 'c']) for (let count = 0; count < 10; count += 1) retries.failed(id, 0);
    retries.accepted('b');
    expect(['a', 'c'].map((id) => retries.isDue(id, 1))).toEqual([true, true]);
    expect(retries.isFaulty('b')).toBe(false);
  });

  it('has a day again when it met none for hours, as while the cluster was away', () => {
    const retries = new SubmissionRetries(PAUSES);
    expect(retries.failed('a', 0)).toBe(false);
    expect(retries.failed('a', 25 * HOUR)).toBe(false);
    expect(attempts(retries, 26 * HOUR).at(-1)).toBeGreaterThan(22 * HOUR);
  });

  it('keeps no other job waiting, and is forgotten once it is no longer being submitted', () => {
    const retries = new SubmissionRetries(PAUSES);
    for (let count = 0; count < 10; count += 1) retries.failed('a', 0);
    expect(retries.isDue('b', 1)).toBe(true);
    retries.keepOnly((id) => id !== 'a');
    expect(retries.isDue('a', 1)).toBe(true);
  });
});
