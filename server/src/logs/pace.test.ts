import { describe, expect, it } from 'vitest';
import { lookPauseMs } from './pace.ts';

describe('looks at a file', () => {
  it('come quickly while it grows, and less often the longer it rests', () => {
    expect([0, 10_000, 60_000, 120_000, 3_600_000].map((silenceMs) => lookPauseMs(silenceMs, 1, 'sftp'))).toEqual([
      120, 120, 500, 1000, 1000,
    ]);
  });

  it('are fewer of each where many files are followed, so that the login node has as many in all', () => {
    expect(lookPauseMs(0, 64, 'sftp')).toBe(160);
    expect(lookPauseMs(0, 400, 'sftp')).toBe(1000);
  });

  it('are rare where each of them is a process on the login node', () => {
    expect([0, 600_000].map((silenceMs) => lookPauseMs(silenceMs, 1, 'commands'))).toEqual([1000, 4000]);
  });
});
