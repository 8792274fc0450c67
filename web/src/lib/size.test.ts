import { describe, expect, it } from 'vitest';
import { formatBytes, formatMemory, parseMemory } from './size.ts';

describe('parseMemory', () => {
  it.each([
    ['64', 65_536],
    ['64 GB', 65_536],
    ['1.5g', 1_536],
    ['512M', 512],
    ['512 MiB', 512],
    ['2T', 2_097_152],
  ])('reads %s as %i MB', (text, megabytes) => {
    expect(parseMemory(text)).toBe(megabytes);
  });

  it.each(['', '0', 'much', '64 kg', '-1'])('takes %j for no size', (text) => {
    expect(parseMemory(text)).toBeNull();
  });
});

it('writes what it reads', () => {
  expect(formatMemory(65_536)).toBe('64 GB');
  expect(formatMemory(512)).toBe('512 MB');
});

it('writes bytes in the unit that fits', () => {
  expect([0, 999, 1_048_576, 5_300_000_000].map(formatBytes)).toEqual(['0 B', '999 B', '1 MB', '5.3 GB']);
});
