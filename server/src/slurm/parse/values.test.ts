import { describe, expect, it } from 'vitest';
import { countValue, durationSeconds, exitStatus, textValue, timeValue } from './values.ts';

describe('an exit status', () => {
  it.each([
    // code:signal
    ['0:0', 0, null],
    ['1:0', 1, null],
    ['143:0', 143, null],
    ['0:9', null, 9],
    ['0:15', null, 15],
    ['1:9', null, 9],
    // The raw wait status up to 22.05.
    ['0', 0, null],
    ['256', 1, null],
    ['36608', 143, null],
    ['65280', 255, null],
    ['9', null, 9],
    ['15', null, 15],
    // SIGSEGV with a core dump.
    ['139', null, 11],
    // Neither.
    ['', null, null],
    ['N/A', null, null],
    ['-1', null, null],
    ['1:', null, null],
    ['1:0:0', null, null],
  ])('%j is code %j, signal %j', (text, exitCode, signal) => {
    expect(exitStatus(text)).toEqual({ exitCode, signal });
  });
});

describe('an instant', () => {
  it('is in seconds since 1970', () => {
    expect(timeValue('1795494207')).toEqual(new Date(1_795_494_207_000));
  });

  it.each(['N/A', 'NONE', 'None', 'Unknown', '', '0', '-1', '2026-11-24T04:23:27'])('%j is none', (text) => {
    expect(timeValue(text)).toBeNull();
  });
});

describe('a duration', () => {
  it.each([
    ['2-00:00:00', 2 * 86_400],
    ['1-02:03:04', 93_784],
    ['00:30:00', 1800],
    ['30:00', 1800],
    ['00:00:01', 1],
    ['365-00:00:00', 365 * 86_400],
    ['UNLIMITED', null],
    ['NONE', null],
    ['INVALID', null],
    ['', null],
    ['1-', null],
  ])('%j has %j seconds', (text, seconds) => {
    expect(durationSeconds(text)).toBe(seconds);
  });
});

describe('a count', () => {
  it.each([
    ['0', 0],
    ['4', 4],
    ['2K', 2048],
    ['1M', 1_048_576],
    ['1G', 1_073_741_824],
    ['', null],
    ['-1', null],
    ['4x', null],
    ['K', null],
  ])('%j is %j', (text, count) => {
    expect(countValue(text)).toBe(count);
  });
});

describe('a text', () => {
  it.each(['', '(null)', 'N/A', 'None', 'None assigned', 'Unknown', 'NONE'])('%j is none', (text) => {
    expect(textValue(text)).toBeNull();
  });

  it.each(['gpu[01-03]', 'Resources', 'none', ' '])('%j is one', (text) => {
    expect(textValue(text)).toBe(text);
  });
});
