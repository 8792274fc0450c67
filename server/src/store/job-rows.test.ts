import { describe, expect, expectTypeOf, it } from 'vitest';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import {
  type CHANGING_PARTS,
  changedColumns,
  FIXED_PARTS,
  fromJob,
  type JobRow,
  type Parts,
  toJob,
} from './job-rows.ts';

const rowOf = (job: Job): JobRow => ({ ...fromJob(job), idempotency_key: null, number: job.number });

const at = (second: number) => new Date(Date.UTC(2026, 10, 24, 12, 0, second));
/** A value of each field that can change, other than that of `aJob`. */
const OTHERS: Pick<Job, keyof typeof CHANGING_PARTS> = {
  name: 'another name',
  tags: ['baseline', 'a"b'],
  slurmJobId: '77',
  state: 'FAILED',
  evidence: { source: 'SACCT', word: 'FAILED', seenAt: at(1) },
  reason: 'Resources',
  exitCode: 3,
  signal: 9,
  attempt: 2,
  description: 'a second try',
  isArchived: true,
  workDir: '/elsewhere',
  partition: 'gpu',
  components: [unseenComponent(0)],
  nodeList: 'node1',
  allocated: { cpus: 4, memoryMb: 1024, gpus: [{ gpuType: 'a100', count: 2 }], timeLimitSeconds: 60 },
  startedAt: at(2),
  endedAt: at(3),
  estimatedStartAt: at(4),
  cancelRequestedAt: at(5),
};

describe('the row of a job', () => {
  it('has every field of it', () => {
    const job = aJob({ ...OTHERS, projectId: 'project', basedOnId: 'other', gitCommit: 'abc', number: 7 });
    expect(toJob(rowOf(job), job)).toEqual(job);
  });

  it.each(Object.keys(OTHERS) as (keyof typeof OTHERS)[])('takes a change of its %s', (field) => {
    const before = aJob();
    const after: Job = { ...before, [field]: OTHERS[field] };
    expect(toJob({ ...rowOf(before), ...changedColumns(before, after) }, after)).toEqual(after);
  });

  it('does not compile without a field of the job, nor without a column', () => {
    type Fixed<Fields> = Parts<Exclude<keyof Fields, keyof typeof CHANGING_PARTS>>;
    // A failure here with TS2554 says that such a field exists: give this one another name.
    type LongerJob = Job & { readonly aFieldOfTheFuture: number | null };
    type LongerRow = Omit<JobRow, 'idempotency_key' | 'number'> & { readonly a_column_of_the_future: number | null };
    expectTypeOf(FIXED_PARTS).toExtend<Fixed<Job>>();
    expectTypeOf(FIXED_PARTS).not.toExtend<Fixed<LongerJob>>();
    expectTypeOf(toJob).returns.not.toExtend<LongerJob>();
    expectTypeOf(fromJob).returns.not.toExtend<LongerRow>();
  });
});
