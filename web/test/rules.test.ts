import { faultInVariableName } from '@slurmql/server/src/actions/variable-names.ts';
import { labelOf } from '@slurmql/server/src/check/words.ts';
import { elapsedSeconds as elapsedThere } from '@slurmql/server/src/domain/job.ts';
import { isActiveState as isActiveThere, JOB_STATES } from '@slurmql/server/src/domain/job-state.ts';
import { nodeNames } from '@slurmql/server/src/domain/node-list.ts';
import { readMegabytes, readMinutes } from '@slurmql/server/src/slurm/amounts.ts';
import { describe, expect, it } from 'vitest';
import { STEP_LABELS } from '../src/features/clusters/words.ts';
import { isVariableName } from '../src/features/launch/form.ts';
import { parseTimeLimit } from '../src/lib/duration.ts';
import { elapsedSeconds } from '../src/lib/elapsed.ts';
import { isActiveState } from '../src/lib/job-state.ts';
import { countNodes } from '../src/lib/node-count.ts';
import { parseMemory } from '../src/lib/size.ts';

// What the browser has to know without asking, it knows as the server does. Lists are compared in lists.test.ts.

it.each(JOB_STATES)('a job is over in the same states: %s', (state) => {
  expect(isActiveState(state)).toBe(isActiveThere(state));
});

describe('a job has run for as long', () => {
  const [start, end] = ['2026-01-01T00:00:00.700Z', '2026-01-01T01:00:00Z'];
  const dateOf = (text: string | null) => (text === null ? null : new Date(text));
  const cases = JOB_STATES.flatMap((state) =>
    [
      { startedAt: null, endedAt: null },
      { startedAt: start, endedAt: null },
      { startedAt: start, endedAt: end },
      { startedAt: null, endedAt: end },
      { startedAt: end, endedAt: start },
    ].map((times) => ({ state, ...times })),
  );

  it.each(cases)('%j', ({ state, startedAt, endedAt }) => {
    const now = Date.parse('2026-01-02T00:00:00Z');
    const there = elapsedThere({ state, startedAt: dateOf(startedAt), endedAt: dateOf(endedAt) }, new Date(now));
    expect(elapsedSeconds({ startedAt, endedAt, isActive: isActiveState(state) }, now)).toBe(there);
  });
});

it.each([
  ...['1', '90', '90:30', '90:00', '1:30:00', '0:0:1', '0', '0:00', '00:00:00', '2-12', '2-0', '0-1:30', '2-12:00:01'],
  ...['1:2:3:4', '1-2:3:4:5', '1-', '-5', '1.5', ':30', '30:', 'UNLIMITED', ''],
])('a time limit as Slurm writes it is the same time: %j', (text) => {
  // None at all is no limit in a form.
  expect(parseTimeLimit(text)).toBe(readMinutes(text) || null);
});

it.each([
  ...['512M', '512m', '512MB', '64G', '64gb', '2T', '2tb', '1m'],
  ...['0M', '-1G', 'M', '64 kg', '64X', 'lots', ''],
])('a size with its unit is the same size: %j', (text) => {
  expect(parseMemory(text)).toBe(readMegabytes(text) || null);
});

it('a size without a unit counts GB in the form, where it says so, and MB in a script, as Slurm reads it', () => {
  expect(parseMemory('64')).toBe(readMegabytes('64G'));
  expect(readMegabytes('64')).toBe(64);
});

it.each(['gpu01', 'gpu01,login', 'gpu[01-03,07],login', 'rack[1-2]n[0-3]', 'a[1-2]b,c[10-19]', 'n[5]', 'n[08-11]'])(
  'a list of nodes has the same number of them: %j',
  (list) => {
    expect(countNodes(list)).toBe(nodeNames(list).length);
  },
);

it.each(['n[1-', 'n[a-b]', 'n[3-1]', 'n]1[', 'n[1]]'])(
  'a list of nodes that cannot be read has no number here, and is one name there: %j',
  (list) => {
    expect(countNodes(list)).toBeNull();
    expect(nodeNames(list)).toEqual([list]);
  },
);

it.each([
  ...['LR', '_x', 'a1', 'lower_case', 'SLURM_JOB_ID', 'PATH', 'UID'],
  ...['1a', 'a-b', 'a b', 'ä', 'a=b', 'x\n', ''],
])('the name of a variable is one here if it is one there, whether it may be set or not: %j', (name) => {
  const isNoName = faultInVariableName(name)?.includes('is not a valid variable name') === true;
  expect(isVariableName(name)).toBe(!isNoName);
});

it.each(Object.entries(STEP_LABELS))('the step %s of a test has the same name in a terminal', (step, label) => {
  expect(label).toBe(labelOf(step as keyof typeof STEP_LABELS));
});
