import { describe, expect, it } from 'vitest';
import { formatRelative } from './time.ts';

const now = Date.parse('2026-03-10T12:00:00Z');

describe('formatRelative', () => {
  it.each([
    [0, 'just now'],
    [42, '42 s ago'],
    [185, '3 min ago'],
    [2 * 3_600 + 59 * 60, '2 h ago'],
    [5 * 86_400, '5 d ago'],
    [-90, 'in 1 min'],
    [-7_200, 'in 2 h'],
  ])('tells a time %i s back as "%s"', (seconds, text) => {
    expect(formatRelative(now - seconds * 1_000, now)).toBe(text);
  });

  it('tells what is months away as a date', () => {
    expect(formatRelative(Date.parse('2025-12-01T12:00:00Z'), now)).toContain('2025');
  });
});
