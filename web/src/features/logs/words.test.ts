import { describe, expect, it } from 'vitest';
import { describeFlaw, describeNothing, type LogSituation } from './words.ts';

const EMPTY = { absence: null, recordedBytes: 0, endOffset: 0 } as const;

function words(situation: Partial<LogSituation>): string {
  const over = {
    file: 'stderr',
    jobState: 'FAILED',
    cluster: 'alpha',
    clusterStatus: 'ONLINE',
    ending: EMPTY,
  } as const;
  return describeNothing({ ...over, ...situation });
}

describe('that nothing was written', () => {
  it('is said where the job itself noted it', () => {
    expect(words({})).toBe('Nothing was written to stderr.');
  });

  it.each<[string, Partial<LogSituation>, RegExp]>([
    [
      'the directory is gone',
      { ending: { ...EMPTY, recordedBytes: null, absence: 'NO_FOLDER' } },
      /directory is no longer on/,
    ],
    ['the file is gone', { ending: { ...EMPTY, absence: 'NO_FILE' } }, /not there, though the job's directory is/],
    ['the job never started', { ending: { ...EMPTY, absence: 'NEVER_STARTED' } }, /never started/],
    ['the file was cut', { ending: { ...EMPTY, recordedBytes: 1_200 } }, /empty now and had 1.2 kB when the job ended/],
    ['the job was killed', { ending: { ...EMPTY, recordedBytes: null } }, /left no record/],
    ['the cluster is out of reach', { ending: null, clusterStatus: 'UNREACHABLE' }, /alpha can't be reached/],
    ['the cluster wants a login', { ending: null, clusterStatus: 'AUTH_REQUIRED' }, /waits for somebody to log in/],
    ['the cluster is being connected to', { ending: null, clusterStatus: 'CONNECTING' }, /Connecting to alpha/],
    ['the job waits', { ending: null, jobState: 'PENDING' }, /^The job is pending/],
    ['the job runs', { ending: null, jobState: 'RUNNING' }, /Nothing has arrived yet/],
    ['nobody has looked', { ending: null, jobState: 'COMPLETED' }, /Asking the cluster/],
  ])('is not said where %s', (_case, situation, expected) => {
    expect(words(situation)).toMatch(expected);
    expect(words(situation)).not.toMatch(/nothing was written/i);
  });
});

it.each([
  [{ absence: null, recordedBytes: 100, endOffset: 100 }, null],
  [{ absence: null, recordedBytes: null, endOffset: 100 }, null],
  [{ absence: null, recordedBytes: 90, endOffset: 100 }, null],
  [{ absence: null, recordedBytes: 300, endOffset: 100 }, /has 100 B now and had 300 B when the job ended/],
  [{ absence: 'NO_FOLDER', recordedBytes: null, endOffset: 100 }, /directory is no longer/],
] as const)('a file that ended as %o has the flaw %s', (ending, flaw) => {
  if (flaw === null) expect(describeFlaw(ending)).toBeNull();
  else expect(describeFlaw(ending)).toMatch(flaw);
});
