import { describe, expect, it } from 'vitest';
import { PollSchedule } from './schedule.ts';

const SECOND = 1000;
const schedule = (intervalSeconds = 30, random = 0) => new PollSchedule({ intervalSeconds, random: () => random });

describe('the time until the next question', () => {
  it.each([
    [0, 30],
    [0.5, 33],
    [1, 36],
  ])(
    'is the interval and up to a fifth more, so that clusters are not asked in step (chance %d: %d s)',
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
      plan.answered(10);
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
    plan.answered(10);
    expect(plan.delay(0)).toBe(30 * SECOND);
  });

  it('is not shortened by what one did while Slurm does not answer', () => {
    const plan = schedule();
    plan.failed();
    plan.acted(0);
    expect(plan.delay(0)).toBe(60 * SECOND);
  });

  it('is the usual one again once Slurm has shown that it answers', () => {
    const plan = schedule();
    for (let fault = 0; fault < 7; fault += 1) plan.failed();
    expect(plan.isBackedOff).toBe(true);
    plan.acted(0);
    plan.recovered();
    expect(plan.isBackedOff).toBe(false);
    expect(plan.delay(0)).toBe(SECOND);
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

  it('grows with the time that an answer takes, so that Slurm has its peace for most of the time', () => {
    const plan = schedule();
    plan.answered(500);
    expect(plan.delay(0)).toBe(30 * SECOND);
    plan.answered(6000);
    expect(plan.delay(0)).toBe(120 * SECOND);
  });

  it('is short once the cluster tells of a job, and one look answers for all that is told before it', () => {
    const plan = schedule();
    plan.noticed(0);
    plan.noticed(50);
    plan.noticed(100);
    expect(plan.delay(100)).toBe(200);
    expect(plan.delay(301)).toBe(30 * SECOND);
  });

  it('allows a burst of such looks, and then one every four seconds', () => {
    const plan = schedule();
    const looks: number[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (let now = 0; now < 120 * SECOND; now += 100) {
      if (now >= next) looks.push(now);
      plan.noticed(now);
      next = now + plan.delay(now);
    }
    const within = (from: number, to: number) => looks.filter((at) => at >= from && at < to).length;
    expect(within(0, 10 * SECOND)).toBeLessThanOrEqual(11);
    expect(within(60 * SECOND, 120 * SECOND)).toBeLessThanOrEqual(16);
    expect(within(60 * SECOND, 120 * SECOND)).toBeGreaterThanOrEqual(13);
  });

  it('is short for a while as long as jobs are about to end, and then the usual one', () => {
    const plan = schedule();
    const asked: number[] = [];
    let now = 0;
    while (asked.length < 6) {
      plan.ending(now);
      now += plan.delay(now);
      plan.answered(10);
      asked.push(now / SECOND);
    }
    expect(asked).toEqual([1, 3, 7, 15, 45, 75]);
    plan.settled();
    plan.ending(now);
    expect(plan.delay(now)).toBe(SECOND);
  });
});
