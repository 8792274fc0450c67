import { describe, expect, it } from 'vitest';
import { UnreadableAnswer } from '../errors.ts';
import { lastBegun, lastEnd, readBegun } from './markers.ts';
import { atOnce, Pace } from './turns.ts';

const END = {
  attempt: 1,
  slurmJobId: '12',
  exitCode: 0,
  isInterrupted: false,
  endedAt: new Date(1_795_494_207_000),
};

describe('the end of the last attempt', () => {
  it.each([
    ['job.0.end job=12 code=0 at=1795494207\n', END],
    ['job.0.end job=12 code=143 at=1795494207\n', { ...END, exitCode: 143, isInterrupted: true }],
    ['job.0.end job=12 code=1 interrupted at=1795494207\n', { ...END, exitCode: 1, isInterrupted: true }],
    ['job.0.end job=12 code=0 unsure at=1795494207\n', { ...END, exitCode: null, isInterrupted: true }],
    ['job.0.end job=12 code=128 at=1795494207\n', { ...END, exitCode: 128 }],
    ['job.0.end job=12 code=255 at=1795494207\n', { ...END, exitCode: 255 }],
    ['job.0.end job=12 code=0 at=1795494207 stdout=12 stderr=0\n', END],
    ['job.0.end job=12 code=0 at=1795494207 stdout= stderr=\n', END],
    ['3.2.end job=12 code=0 at=1795494207\n', { ...END, attempt: 3 }],
    ['job.0.start job=12 at=1795494200\njob.0.end job=12 code=0 at=1795494207\n', END],
    ['job.1.end job=12 code=0 at=1795494207\njob.0.end job=12 code=1 at=1795494100\n', { ...END, attempt: 2 }],
    ['job.10.end job=12 code=0 at=1795494207\njob.9.end job=12 code=1 at=1795494100\n', { ...END, attempt: 11 }],
    ['job.0.start job=12 at=1795494200\n', 'begun'],
    ['job.1.start job=12 at=1795494200\njob.0.end job=12 code=0 at=1795494207\n', 'begun'],
    ['job.0.end job=12 code= at=1795494207\n', 'begun'],
    ['job.0.end job=12 code=0 at=\n', 'begun'],
    ['job.0.end job=12 at=1795494207\n', 'begun'],
    ['job.0.end job=12 code=0 at=1795494207 and more\n', 'begun'],
    ['job.0.end \n', 'begun'],
    ['', null],
  ])('after %j is %j', (output, end) => {
    expect(lastEnd(output)).toEqual(end);
  });
});

describe('records without an end', () => {
  it.each([
    ['lines', '\n'.repeat(10_000)],
    ['starts', 'job.0.start x\n'.repeat(1000)],
    ['one line', `job.0.end ${'x'.repeat(10_000)}\n`],
  ])('are unreadable: %s', (_what, output) => {
    expect(() => lastEnd(output)).toThrow(UnreadableAnswer);
  });
});

describe('the last attempt whose command has begun', () => {
  it('is the highest of each task', () => {
    expect([...lastBegun('job.0.command\njob.2.end\njob.10.command\njob.11.start\n3.0.command\n3.1.end\n*\n')]).toEqual(
      [
        ['job', 11],
        ['3', 2],
      ],
    );
    expect(lastBegun('').size).toBe(0);
  });

  it('is kept of the tasks that were asked for', () => {
    const names = '1.0.command\n2.0.command\n2.1.command\njob.0.command\n';
    expect([...atOnce(readBegun(names, new Pace(), new Set(['2', '3'])))]).toEqual([['2', 2]]);
  });
});
