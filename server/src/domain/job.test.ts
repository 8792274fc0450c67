import { describe, expect, it } from 'vitest';
import { elapsedSeconds, isArray, logPath } from './job.ts';
import { aJob, NO_RESOURCES } from './testing.ts';

const start = new Date('2026-11-24T12:00:00Z');
const later = (seconds: number) => new Date(start.getTime() + seconds * 1000);

describe('the time a job has run', () => {
  it('is unknown before it starts', () => {
    expect(elapsedSeconds(aJob(), later(60))).toBeNull();
  });

  it('grows while it runs, in whole seconds', () => {
    expect(elapsedSeconds(aJob({ state: 'RUNNING', startedAt: start }), later(59.9))).toBe(59);
  });

  it('stays as it is once it has ended', () => {
    expect(elapsedSeconds(aJob({ state: 'FAILED', startedAt: start, endedAt: later(10) }), later(60))).toBe(10);
  });

  it('is never negative where the clocks of cluster and server differ', () => {
    expect(elapsedSeconds(aJob({ state: 'RUNNING', startedAt: later(5) }), start)).toBe(0);
  });

  it('is unknown for a job that is over and whose end nobody saw', () => {
    expect(elapsedSeconds(aJob({ state: 'LOST', startedAt: start, endedAt: null }), later(86_400))).toBeNull();
  });
});

describe('an array', () => {
  const array = { ...NO_RESOURCES, array: '0-9' };

  it('is the job that was submitted with an index list, and none of its tasks is one', () => {
    expect(isArray(aJob({ resources: array }))).toBe(true);
    expect(isArray(aJob({ resources: array, arrayTaskId: 0 }))).toBe(false);
    expect(isArray(aJob())).toBe(false);
  });
});

describe("a job's log", () => {
  it('is below its directory, and is its own for each stream and task', () => {
    const workDir = '/home/ada/slurmql/jobs/1';
    expect(logPath(aJob({ workDir }), 'STDOUT')).toBe(`${workDir}/stdout.log`);
    expect(logPath(aJob({ workDir }), 'STDERR')).toBe(`${workDir}/stderr.log`);
    expect(logPath(aJob({ workDir, arrayTaskId: 0 }), 'STDOUT')).toBe(`${workDir}/stdout-0.log`);
    expect(logPath(aJob({ workDir, arrayTaskId: 12 }), 'STDERR')).toBe(`${workDir}/stderr-12.log`);
  });

  it('is nowhere before the directory is known', () => {
    expect(logPath(aJob({ workDir: null }), 'STDOUT')).toBeNull();
  });
});
