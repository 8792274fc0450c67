import { type Expression, type SqlBool, sql } from 'kysely';
import type { JobOrder } from '../../domain/job-filter.ts';
import type { JobRow } from '../job-rows.ts';
import type { Key } from './places.ts';

/** Later than any date: a job that hasn't started or ended sorts as the newest. */
export const NOT_YET = 9e15;

/** The index of all jobs of a list, in the order of their submission. */
export const LISTED = 'jobs_listed';

export const BY_SUBMISSION = sql.ref<number>('submitted_at');

/** One range of an index with the jobs in an order. */
export interface SortRange {
  readonly where: readonly Expression<SqlBool>[];
  readonly key: Expression<Key>;
  /** The sort key minus that of the index. */
  readonly shift: number;
}

/** The columns that jobs are sorted by. */
export const SORTED = ['number', 'submitted_at', 'started_at', 'ended_at', 'name', 'state'] as const;
type SortedRow = Pick<JobRow, (typeof SORTED)[number]>;

/** The sort keys besides the time of submission, and their indexes. */
export interface Sort {
  readonly index: string;
  readonly ranges: readonly SortRange[];
  keyOf(row: SortedRow): Key;
}

export const SORTS: Readonly<Record<JobOrder['field'], (now: number) => Sort>> = {
  SUBMITTED_AT: () => simpleSort(LISTED, BY_SUBMISSION, (row) => row.submitted_at),
  STARTED_AT: () =>
    simpleSort(
      'jobs_in_order_of_start',
      sql<number>`coalesce(started_at, ${sql.lit(NOT_YET)})`,
      (row) => row.started_at ?? NOT_YET,
    ),
  ENDED_AT: () =>
    simpleSort(
      'jobs_in_order_of_end',
      sql<number>`coalesce(ended_at, ${sql.lit(NOT_YET)})`,
      (row) => row.ended_at ?? NOT_YET,
    ),
  NAME: () => simpleSort('jobs_in_order_of_name', sql.ref<string>('name'), (row) => row.name),
  STATE: () => simpleSort('jobs_in_order_of_state', sql.ref<string>('state'), (row) => row.state),
  // Waiting, running and finished jobs are each in an order that doesn't change with time.
  ELAPSED: (now) => ({
    index: 'jobs_in_order_of_elapsed',
    ranges: [-1, now, 0].map((shift, kind) => ({
      where: [
        sql<SqlBool>`case when started_at is null then 0 when ended_at is null then 1 else 2 end = ${sql.lit(kind)}`,
      ],
      key: sql<number>`case when started_at is null then 0 when ended_at is null then -started_at else ended_at - started_at end`,
      shift,
    })),
    keyOf: (row) => (row.started_at === null ? -1 : (row.ended_at ?? now) - row.started_at),
  }),
};

function simpleSort(index: string, key: Expression<Key>, keyOf: (row: SortedRow) => Key): Sort {
  return { index, ranges: [{ where: [], key, shift: 0 }], keyOf };
}
