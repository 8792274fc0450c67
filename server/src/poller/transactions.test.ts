import { describe, expect, it } from 'vitest';
import { currentAttempt } from '../domain/attempt.ts';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import type { JobUpdate } from './observe.ts';
import { transactions } from './transactions.ts';

const LONG = 'n'.repeat(16_384);
const job = aJob();
const update = (news: Partial<Job>, parts: Partial<JobUpdate> = {}): JobUpdate => ({
  ...{ jobId: job.id, slurmJobId: null, apply: (current) => ({ ...current, ...news }) },
  ...parts,
});
const groups = (updates: readonly JobUpdate[]) => {
  const found = [...transactions(updates, new Map([[job.id, job]]))];
  expect(found.flat()).toEqual(updates);
  return found.map(({ length }) => length);
};

describe('a transaction', () => {
  it('has many updates that write little', () => {
    expect(groups([])).toEqual([]);
    expect(groups(Array.from({ length: 6000 }, () => update({ state: 'RUNNING' })))).toEqual([2500, 2500, 1000]);
  });

  it.each<[string, JobUpdate]>([
    ['a list of nodes', update({ nodeList: LONG })],
    ['a reason', update({ reason: LONG })],
    ['a partition', update({ partition: LONG })],
    ['lists of nodes of components', update({ components: [{ ...unseenComponent(0), nodeList: LONG }] })],
    ['reasons of components', update({ components: [{ ...unseenComponent(0), reason: LONG }] })],
    ['partitions of components', update({ components: [{ ...unseenComponent(0), partition: LONG }] })],
    ['words of components', update({ components: [{ ...unseenComponent(0), word: LONG }] })],
    [
      'lists of nodes of attempts',
      update({}, { attempts: [{ ...currentAttempt(job), outcome: null, nodeList: LONG }] }),
    ],
  ])('ends at a mebibyte of text: %s', (_what, long) => {
    expect(groups(Array.from({ length: 150 }, () => long))).toEqual([64, 64, 22]);
  });

  it('counts only what an update changes, and has at least one', () => {
    const known = { ...job, nodeList: LONG };
    const updates = Array.from({ length: 1000 }, () => update({ state: 'RUNNING' }));
    expect([...transactions(updates, new Map([[job.id, known]]))]).toHaveLength(1);
    expect(groups([update({ reason: LONG.repeat(100) }), update({ reason: LONG.repeat(100) })])).toEqual([1, 1]);
  });
});
