import { describe, expect, it } from 'vitest';
import { PollSchedule } from './schedule.ts';

const SECOND = 1000;
const schedule = (intervalSeconds = 30, random = 0.5) => new PollSchedule({ intervalSeconds, random: () => random });

describe('the time until the next question', () => {
  it.each([
    [0, 24],
    [0.5, 30],
    [1, 36],
  ])(
    'is the interval, give or take a fifth, so that clusters are not asked in step (chance %d: %d s)',
    (random, seconds) => {
      expect(schedule(30, random).delay(0)).toBeCloseTo(seconds * SECOND);
    },
  );

  it('is short after one acted, and grows until it is the usual one again', () => {
    const plan = schedule();
    plan.acted(0);
    const asked: number[] = [];
    let now = 0;
    while (now < 60 * SECOND) {
      now += plan.delay(now);
      plan.answered();
      asked.push(now / SECOND);
    }
    expect(asked).toEqual([1, 3, 6, 12, 24, 54, 84]);
  });

  it('starts over when one acts again', () => {
    const plan = schedule();
    plan.acted(0);
    expect(plan.delay(10 * SECOND)).toBe(2 * SECOND);
    plan.acted(10 * SECOND);
    expect(plan.delay(10 * SECOND)).toBe(SECOND);
  });

  it('is never later because one acted than it would have been', () => {
    const plan = schedule(2);
    plan.acted(0);
    expect(plan.delay(0)).toBe(SECOND);
    expect(plan.delay(12 * SECOND)).toBe(2 * SECOND);
  });

  it('doubles with each fault up to ten minutes, and one answer takes it back', () => {
    const plan = schedule();
    const delays: number[] = [];
    for (let fault = 0; fault < 7; fault += 1) {
      plan.failed();
      delays.push(plan.delay(0) / SECOND);
    }
    expect(delays).toEqual([60, 120, 240, 480, 600, 600, 600]);
    plan.answered();
    expect(plan.delay(0)).toBe(30 * SECOND);
  });

  it('is not shortened by what one did while Slurm does not answer', () => {
    const plan = schedule();
    plan.failed();
    plan.acted(0);
    expect(plan.delay(0)).toBe(60 * SECOND);
  });

  it('is never shorter after faults than without them, however long the interval', () => {
    const plan = schedule(3600);
    expect(plan.delay(0)).toBe(3600 * SECOND);
    plan.failed();
    expect(plan.delay(0)).toBe(3600 * SECOND);
  });

  it('stays a number after very many faults', () => {
    const plan = schedule();
    for (let fault = 0; fault < 5000; fault += 1) plan.failed();
    expect(plan.delay(0)).toBe(600 * SECOND);
  });
});
