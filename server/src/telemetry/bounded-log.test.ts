import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BoundedLog } from './bounded-log.ts';
import type { Logger } from './logger.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

it('writes so many lines a minute, and says how many it left out', () => {
  const lines: unknown[] = [];
  const write = (fields: object) => lines.push(fields);
  const log = new BoundedLog({ warn: write } as unknown as Logger, 2);
  for (let number = 1; number <= 5; number += 1) log.warn({ number }, 'Again');
  expect(lines).toEqual([{ number: 1 }, { number: 2 }]);
  vi.advanceTimersByTime(60_000);
  log.warn({ number: 6 }, 'Again');
  log.warn({ number: 7 }, 'Again');
  expect(lines.slice(2)).toEqual([{ number: 6, leftOut: 3 }, { number: 7 }]);
});
