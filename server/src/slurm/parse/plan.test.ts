import { expect, it } from 'vitest';
import { ClusterClock, SAME_CLOCK } from './clock.ts';
import { readPlan } from './plan.ts';

const AT = 1_796_037_586;
const startsAt = new Date(AT * 1000);

it.each([
  ['a job', `sbatch: Job 1 to start at ${AT} using 1 processors on nodes gpu01 in partition gpu`, 'gpu01'],
  ['26.05', `sbatch: Job 1 to start at ${AT} a using 1 processors on nodes gpu01 in partition gpu`, 'gpu01'],
  ['a heterogeneous job', `sbatch: Job 6 to start at ${AT} using 2 processors on cpu01,gpu[01-03]`, 'cpu01,gpu[01-03]'],
  [
    'a whole path',
    `/opt/slurm/bin/sbatch: Job 9 to start at ${AT} using 4 processors on nodes n1 in partition p`,
    'n1',
  ],
])('reads where and when Slurm would start a job: %s', (_what, line, nodeList) => {
  expect(readPlan(`${line}\n`, SAME_CLOCK)).toEqual({ startsAt, nodeList, others: '' });
});

it('leaves the other lines, in which there is no plan', () => {
  const plan = `sbatch: Job 1 to start at ${AT} using 1 processors on nodes n1 in partition p`;
  expect(readPlan(`Welcome\n${plan}\nsbatch: warning: x\n`, SAME_CLOCK)).toEqual({
    startsAt,
    nodeList: 'n1',
    others: 'Welcome\nsbatch: warning: x\n',
  });
  const none = { startsAt: null, nodeList: null };
  for (const text of ['', 'allocation failure: Invalid partition name specified', plan.replace('1796', '99991796')]) {
    expect(readPlan(text, SAME_CLOCK)).toEqual({ ...none, others: text });
  }
});

it('gives the time by the clock of the server', () => {
  const ahead = new ClusterClock();
  ahead.compare(Date.now() + 3_600_000, Date.now());
  const { startsAt: at } = readPlan(`Job 1 to start at ${AT} using 1 processors on nodes n1 in partition p`, ahead);
  expect(at?.getTime()).toBe(AT * 1000 - ahead.aheadMs);
  expect(ahead.aheadMs).toBeGreaterThan(3_500_000);
});
