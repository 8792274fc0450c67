import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JobFilter, matchesFilter, searchWords, shortSearch } from './job-filter.ts';
import { aJob, EVERY_JOB } from './testing.ts';

describe('the words of a search', () => {
  it('are what stands between blanks, in lower case', () => {
    expect(searchWords('  ResNet\t50\n Fold-3 ')).toEqual(['resnet', '50', 'fold-3']);
    expect(searchWords(' ')).toEqual([]);
  });

  it('are no more than a person writes', () => {
    expect(searchWords('x '.repeat(1000))).toHaveLength(16);
  });

  it.each([
    ['many words', 'q '.repeat(31_000)],
    ['blanks before them', `${' '.repeat(60_000)}q`],
    ['blanks behind them', `q${'\n'.repeat(60_000)}`],
    ['long ones', `${'q'.repeat(30_000)} ${'Q'.repeat(30_000)}`],
    ['nothing else', '\t'.repeat(60_000)],
  ])('are all that a filter keeps of a search: %s', (_what, search) => {
    const kept = shortSearch(search);
    expect(kept.length).toBeLessThanOrEqual(16 * 1001);
    expect(kept).toBe(searchWords(search).join(' '));
  });

  it('are the same of what is kept', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (search) => {
        expect(searchWords(shortSearch(search))).toEqual(searchWords(search));
      }),
    );
  });
});

describe('a filter', () => {
  const job = aJob({
    name: 'ResNet fold 3',
    command: 'python train.py --lr=0.1',
    slurmJobId: '1234_7',
    gitCommit: 'abcdef0123456789',
    submittedAt: new Date('2026-11-24T12:00:00Z'),
  });
  const finds = (search: string) => matchesFilter(job, 'Vision', { ...EVERY_JOB, search });

  it.each(['resnet', 'RESNET FOLD', 'train.py 1234', '1234_7', 'abcdef0', 'vision', 'lr=0.1', ''])(
    'finds a job by %j',
    (search) => {
      expect(finds(search)).toBe(true);
    },
  );

  it.each(['resnet 51', '%', 'train_py', 'r*t', '12399', 'visio-n'])('does not find it by %j', (search) => {
    expect(finds(search)).toBe(false);
  });

  it('takes the first instant of a span and leaves out the last', () => {
    const span = (from: string, to: string) =>
      matchesFilter(job, null, { ...EVERY_JOB, submittedAfter: new Date(from), submittedBefore: new Date(to) });
    expect(span('2026-11-24T12:00:00Z', '2026-11-24T12:00:00.001Z')).toBe(true);
    expect(span('2026-11-24T11:00:00Z', '2026-11-24T12:00:00Z')).toBe(false);
  });

  it('takes ends and starts of jobs that have them, and exit codes', () => {
    const at = new Date('2026-11-24T13:00:00Z');
    const over = aJob({ startedAt: at, endedAt: at, exitCode: 0 });
    const open = aJob({ startedAt: at });
    const passes = (parts: Partial<JobFilter>) =>
      [over, open].map((one) => matchesFilter(one, null, { ...EVERY_JOB, ...parts }));
    expect(passes({ startedAfter: at })).toEqual([true, true]);
    expect(passes({ startedBefore: at })).toEqual([false, false]);
    expect(passes({ endedAfter: at })).toEqual([true, false]);
    expect(passes({ endedBefore: new Date('2027-01-01T00:00:00Z') })).toEqual([true, false]);
    expect(passes({ exitCodes: [0] })).toEqual([true, false]);
    expect(passes({ exitCodes: [1] })).toEqual([false, false]);
  });

  it('that names nobody lets nobody through', () => {
    expect(matchesFilter(job, null, { ...EVERY_JOB, states: [] })).toBe(false);
    expect(matchesFilter(job, null, { ...EVERY_JOB, projectIds: [] })).toBe(false);
  });

  it('counts an array as one job unless its tasks are wanted', () => {
    const task = aJob({ arrayParentId: 'parent', arrayTaskId: 0 });
    expect(matchesFilter(task, null, { ...EVERY_JOB, includeArrayTasks: false })).toBe(false);
    expect(matchesFilter(task, null, EVERY_JOB)).toBe(true);
  });
});
