import { describe, expect, it } from 'vitest';
import { formatElapsed, formatMinutes, parseTimeLimit } from './duration.ts';

describe('parseTimeLimit', () => {
  it.each([
    ['90', 90],
    ['90:30', 91],
    ['1:30:00', 90],
    ['2-12', 3_600],
    ['2-00:00', 2_880],
    ['2-12:30', 3_630],
    ['1-00:00:01', 1_441],
    ['8h', 480],
    ['1h30m', 90],
    [' 2 days ', 2_880],
    ['1d 12h', 2_160],
    ['45 min', 45],
  ])('reads %s as %i minutes', (text, minutes) => {
    expect(parseTimeLimit(text)).toBe(minutes);
  });

  it.each(['', '0', '0:00', 'soon', '1:2:3:4', '-5', '1.5h', '8h?'])('takes %j for no time', (text) => {
    expect(parseTimeLimit(text)).toBeNull();
  });
});

describe('formatElapsed', () => {
  it.each([
    [0, '0:00'],
    [245, '4:05'],
    [8_049, '2:14:09'],
    [98_411, '1-03:20:11'],
    [-3, '0:00'],
  ])('writes %i s as %s', (seconds, text) => {
    expect(formatElapsed(seconds)).toBe(text);
  });
});

describe('formatMinutes', () => {
  it.each([
    [45, '45 min'],
    [480, '8 h'],
    [2_160, '1 d 12 h'],
    [0, '0 min'],
  ])('writes %i as %s', (minutes, text) => {
    expect(formatMinutes(minutes)).toBe(text);
  });
});
