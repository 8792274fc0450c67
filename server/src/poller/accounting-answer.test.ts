import { describe, expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import type { JobAccount } from '../slurm/index.ts';
import { AccountingAnswer } from './accounting-answer.ts';
import { anObservation } from './testing.ts';

const MANY = 5000;
const OWNER = '01K00000000000000000000042';
const other = (index: number) => `01K1${String(index).padStart(22, '0')}`;

interface Told {
  readonly number: string;
  readonly ownerId: string | null;
  readonly directoryJobId?: string | null;
  readonly submittedAt?: Date;
}

/** An answer with these accounts, and how often one of them has been looked at since it was read. */
async function answerOf(told: readonly Told[]) {
  let looks = 0;
  const accounts = told.map(({ number, ownerId, directoryJobId = null, submittedAt = null }): JobAccount => {
    const latest = {
      ...anObservation({ slurmJobId: number, ownerId, directoryJobId, state: 'CANCELLED' }),
      attempt: 1,
    };
    const looked = <T>(value: T): T => {
      looks += 1;
      return value;
    };
    return {
      closed: [],
      get latest() {
        return looked(latest);
      },
      get submittedAt() {
        return looked(submittedAt);
      },
    };
  });
  const answer = await AccountingAnswer.of({
    kind: 'read',
    accounts,
    unread: new Set(),
    fault: null,
    hasExactCodes: true,
  });
  looks = 0;
  return { answer, looks: () => looks };
}

const task = (parts: Partial<Job> = {}) =>
  aJob({ state: 'PENDING', startedAt: null, slurmJobId: '31_5', arrayParentId: OWNER, arrayTaskId: 5, ...parts });
const many = (told: (index: number) => Told) => Array.from({ length: MANY }, (_, index) => told(index));

describe('an account is found without a look at those of others', () => {
  it.each([
    ['of other owners', (index: number) => ({ ownerId: other(index) })],
    ['in the directories of others', (index: number) => ({ ownerId: null, directoryJobId: other(index) })],
  ])('%s that have the same number', async (_what, owner) => {
    const job = aJob({ id: OWNER, slurmJobId: '31' });
    const told = many((index) => ({ number: '31', ...owner(index) }));
    const { answer, looks } = await answerOf([...told, { number: '31', ownerId: OWNER }]);
    expect(answer.accountOf(job)?.latest.ownerId).toBe(OWNER);
    expect(answer.accountOf(aJob({ slurmJobId: '31' }))).toBeNull();
    expect(looks()).toBeLessThan(10);
  });

  it.each([
    ['of other owners', (index: number) => ({ ownerId: other(index) })],
    ['in the directories of others', (index: number) => ({ ownerId: null, directoryJobId: other(index) })],
  ])('%s that have tasks of the same array', async (_what, owner) => {
    const told = many((index) => ({ number: `31_${index + 10}`, ...owner(index) }));
    const { answer, looks } = await answerOf(told);
    expect(answer.leavesOut(task())).toBe(false);
    expect(looks()).toBeLessThan(10);
    const own = await answerOf([...told, { number: '31_9', ownerId: OWNER }]);
    expect(own.answer.leavesOut(task())).toBe(true);
    expect(own.looks()).toBeLessThan(10);
  });
});

describe('where no owner is told', () => {
  const job = task();
  const at = (ms: number) => new Date(job.submittedAt.getTime() + ms);
  const DAY = 24 * 3600_000;

  it('the time of submission tells whose account it is', async () => {
    const { answer } = await answerOf([
      { number: '31_9', ownerId: null, submittedAt: at(-400 * DAY) },
      { number: '31_9', ownerId: null, submittedAt: at(1000) },
    ]);
    expect(answer.leavesOut(job)).toBe(true);
    expect(answer.accountOf({ ...job, slurmJobId: '31_9' })?.submittedAt).toEqual(at(1000));
    const { answer: older } = await answerOf([{ number: '31_9', ownerId: null, submittedAt: at(-400 * DAY) }]);
    expect(older.leavesOut(job)).toBe(false);
  });

  it.each([-299, -100, 0, 100, 299])('it does so whatever time the controller has: %i s ahead', async (ahead) => {
    const { answer } = await answerOf([{ number: '31_9', ownerId: null, submittedAt: at(ahead * 1000) }]);
    expect(answer.accountOf({ ...job, slurmJobId: '31_9' })).not.toBeNull();
  });

  it('no more times are kept of a number than it can have', async () => {
    const told = many((index) => ({ number: `31_${index + 10}`, ownerId: null, submittedAt: at(-DAY * (index + 1)) }));
    const { answer, looks } = await answerOf(told);
    expect(answer.leavesOut(job)).toBe(false);
    expect(looks()).toBeLessThan(MANY / 10);
  });
});

it('an account that is left out of a large answer is told as a fault, and only its job is unreadable', async () => {
  const answer = await AccountingAnswer.of({
    ...{ kind: 'read', accounts: [], unread: new Set(['31']), fault: 'too many rows', hasExactCodes: true },
  });
  expect(answer.fault).toBe('too many rows');
  expect(['31', '32'].map((slurmJobId) => answer.isUnreadable(aJob({ slurmJobId })))).toEqual([true, false]);
});
