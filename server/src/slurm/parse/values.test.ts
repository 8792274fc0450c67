import { describe, expect, it } from 'vitest';
import type { JobState } from '../../domain/job-state.ts';
import {
  countValue,
  durationSeconds,
  exitStatus,
  isDoubtfulCode,
  isDoubtfulSignal,
  scriptEnd,
  textValue,
  timeValue,
} from './values.ts';

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
    // Real-time signals, and one with a core dump.
    ['0:34', null, 34],
    ['64', null, 64],
    ['181', null, 53],
    // Errors of Slurm's, which are no wait status: slurmd couldn't open the log (tried on 22.05), couldn't start the script,
    // had no container, and SPANK's.
    ['4021', null, null],
    ['4020', null, null],
    ['4031', null, null],
    ['3000', null, null],
    // With the bit of a core dump, and one whose low bits are those of SIGXFSZ.
    ['1408', null, null],
    ['2073', null, null],
    // Slurm's sign of having run out of memory.
    ['0:125', null, null],
    ['125', null, null],
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

describe('a signal', () => {
  it.each([
    [null, false],
    [9, false],
    [15, false],
    [31, false],
    [32, true],
    [53, true],
    [64, true],
  ])('%j may be an error of Slurm: %j', (signal, isDoubtful) => {
    expect(isDoubtfulSignal(signal)).toBe(isDoubtful);
  });
});

describe('an exit code', () => {
  it.each([
    [null, false],
    [0, false],
    [1, true],
    [2, false],
    [127, false],
  ])('%j may be an error of Slurm: %j', (exitCode, isDoubtful) => {
    expect(isDoubtfulCode(exitCode)).toBe(isDoubtful);
  });
});

describe("the end of a job's script", () => {
  it.each<[string, JobState | null, string | null, number | null, number | null, string]>([
    ['0:0', 'COMPLETED', 'None', 0, null, 'a success'],
    ['3:0', 'FAILED', 'NonZeroExitCode', 3, null, 'a code of its own'],
    ['143:0', 'FAILED', null, 143, null, 'a code above 128'],
    ['0:9', 'FAILED', 'RaisedSignal:9(Killed)', null, 9, 'a signal'],
    ['9', 'FAILED', 'JobLaunchFailure', null, 9, 'a signal, as 22.05 tells it'],
    ['1:0', 'OUT_OF_MEMORY', 'OutOfMemory', 1, null, 'a code of its own after a process ran out of memory'],
    ['0:15', 'TIMEOUT', 'TimeLimit', null, 15, 'the signal of the time limit'],
    // Tried: squeue of 24.11 and 26.05, sacct of both, squeue of 20.11 (twice) and of 22.05.
    ['0:1', 'NODE_FAIL', 'NodeDown', null, null, 'none, since its node failed'],
    ['1:0', 'NODE_FAIL', null, null, null, 'none, since its node failed'],
    ['36608', 'NODE_FAIL', 'NodeDown', null, null, 'none, since its node failed'],
    ['15', 'NODE_FAIL', 'NodeDown', null, null, 'none, since its node failed'],
    ['0', 'NODE_FAIL', 'NodeDown', null, null, 'none, since its node failed'],
    ['0:125', 'OUT_OF_MEMORY', 'OutOfMemory', null, null, 'none, but a sign of having run out of memory'],
    ['1:0', 'BOOT_FAIL', null, null, null, 'none, since its node did not boot'],
    ['0:0', 'REVOKED', null, null, null, 'none, since another cluster runs it'],
    ['1:0', 'FAILED', 'JobLaunchFailure', null, null, 'none, since it never began'],
    ['0:0', 'CANCELLED', null, null, null, 'none, since Slurm ended it'],
    ['0:0', 'TIMEOUT', 'TimeLimit', null, null, 'none, since Slurm ended it'],
    ['1:0', 'RUNNING', null, null, null, 'none yet'],
    ['1:0', null, null, null, null, 'not known, with a state that is not known'],
  ])('%j of %s (%s) is code %j, signal %j: %s', (text, state, reason, exitCode, signal) => {
    expect(scriptEnd(text, state, reason)).toEqual({ exitCode, signal });
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
