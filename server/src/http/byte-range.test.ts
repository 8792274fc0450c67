import { describe, expect, it } from 'vitest';
import { byteRange } from './byte-range.ts';

describe('a Range header', () => {
  it.each([
    [undefined, null],
    ['bytes=0-', { start: 0, end: 10 }],
    ['bytes=3-', { start: 3, end: 10 }],
    ['bytes=3-3', { start: 3, end: 4 }],
    ['bytes=3-100', { start: 3, end: 10 }],
    ['bytes=-4', { start: 6, end: 10 }],
    ['bytes=-100', { start: 0, end: 10 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=99999999999999999999-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-3', null],
    ['bytes=-', null],
    ['bytes=a-b', null],
    ['bytes=0-1,4-5', null],
    ['lines=0-1', null],
  ])('%j of ten bytes is %j', (header, range) => {
    expect(byteRange(header, 10)).toEqual(range);
  });

  it('of an empty file finds nothing', () => {
    expect(byteRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(byteRange('bytes=-5', 0)).toBe('unsatisfiable');
  });
});
