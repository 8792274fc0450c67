import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backOffMs, refusedBackOffMs } from './back-off.ts';

test('the wait starts at 5 s and doubles with each failure', () => {
  expect([1, 2, 3, 4].map((failures) => backOffMs(failures, 0.5))).toEqual([5_000, 10_000, 20_000, 40_000]);
});

test('the wait never exceeds 10 minutes by more than the jitter of a fifth', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const waitMs = backOffMs(failures, random);
      expect(waitMs).toBeGreaterThanOrEqual(4_000);
      expect(waitMs).toBeLessThanOrEqual(720_000);
    }),
  );
});

test('a refused login waits for twice as long each time, up to an hour', () => {
  const minutes = [1, 2, 3, 4, 5, 6, 500].map((refusals) => refusedBackOffMs(5 * 60_000, refusals, 0.5) / 60_000);
  expect(minutes).toEqual([5, 10, 20, 40, 60, 60, 60]);
});
