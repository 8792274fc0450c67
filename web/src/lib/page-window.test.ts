import { expect, it } from 'vitest';
import { rowRange } from './page-window.ts';

const ROW = 40;

it('draws a bounded number of rows wherever one is', () => {
  for (const top of [-500, 0, 3_990, 200_000, 9_999_999]) {
    const { start, end } = rowRange(5_000, ROW, top, top + 900);
    expect(end - start).toBeLessThanOrEqual(80);
    expect(start).toBeGreaterThanOrEqual(0);
    expect(end).toBeLessThanOrEqual(5_000);
  }
});

it('draws every row that is in view', () => {
  const { start, end } = rowRange(5_000, ROW, 4_000, 4_900);
  expect(start * ROW).toBeLessThanOrEqual(4_000);
  expect(end * ROW).toBeGreaterThanOrEqual(4_900);
});

it('draws nothing of an empty list', () => {
  expect(rowRange(0, ROW, 0, 900)).toEqual({ start: 0, end: 0 });
});
