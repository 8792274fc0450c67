import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClusterClock } from './clock.ts';

const NOW = 1_795_494_207_000;
const HOUR = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the clock of a cluster', () => {
  it.each([0, 4000, -4000])('is taken for right when it is %d ms ahead', (aheadMs) => {
    const clock = new ClusterClock();
    clock.compare(NOW + aheadMs, NOW - 200);
    expect(clock.aheadMs).toBe(0);
  });

  it.each([3 * HOUR, -3 * HOUR])('is corrected when it is %d ms ahead, and does not waver', (aheadMs) => {
    const clock = new ClusterClock();
    clock.compare(NOW + aheadMs, NOW - 200);
    expect(Math.abs(clock.aheadMs - aheadMs)).toBeLessThanOrEqual(1000);
    expect(clock.instant(String((NOW + clock.aheadMs) / 1000))).toEqual(new Date(NOW));
    const { aheadMs: first } = clock;
    clock.compare(NOW + aheadMs + 2000, NOW - 200);
    expect(clock.aheadMs).toBe(first);
    clock.compare(NOW, NOW - 200);
    expect(clock.aheadMs).toBe(0);
  });

  it('is not blamed for an answer that came slowly', () => {
    const clock = new ClusterClock();
    // It was asked first of all, then Slurm took its time.
    clock.compare(NOW - 55_000, NOW - 55_000);
    expect(clock.aheadMs).toBe(0);
    clock.compare(NOW + HOUR, NOW - 200);
    const { aheadMs } = clock;
    clock.compare(NOW + HOUR - 55_000, NOW - 55_000);
    expect(clock.aheadMs).toBe(aheadMs);
  });

  it('is let be when it told no time', () => {
    const clock = new ClusterClock();
    clock.compare(null, NOW);
    expect(clock.aheadMs).toBe(0);
    expect(clock.instant('Unknown')).toBeNull();
  });
});
