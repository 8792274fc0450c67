import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Expression, type SqlBool, sql } from 'kysely';
import type { JobOrderField } from '../../domain/job-filter.ts';
import type { Database } from '../database.ts';
import { jobsMatching, type ResolvedFilter } from '../job-filter.ts';
import { jobsBy } from '../sqlite/index.ts';
import { boundedLook } from './bounded-looks.ts';
import { archivedValues } from './bounds.ts';
import type { Key, Place } from './places.ts';
import { NOT_YET } from './sorts.ts';

/** How many index entries are read before the event loop turns. */
const LOOK = 2000;

/** A time in a filter besides that of submission, and its index. */
interface TimeBounds {
  readonly index: string;
  readonly column: 'started_at' | 'ended_at';
  /** In ms: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

/** The times of starts and ends that a filter bounds. */
function timeBounds(filter: ResolvedFilter): readonly TimeBounds[] {
  const { startedAfter, startedBefore, endedAfter, endedBefore } = filter;
  const bounds = (index: string, column: TimeBounds['column'], after: Date | null, before: Date | null) =>
    after === null && before === null
      ? []
      : [{ index, column, from: after?.getTime() ?? Number.MIN_SAFE_INTEGER, to: before?.getTime() ?? NOT_YET }];
  return [
    ...bounds('jobs_in_order_of_start', 'started_at', startedAfter, startedBefore),
    ...bounds('jobs_in_order_of_end', 'ended_at', endedAfter, endedBefore),
  ];
}

/** The bounds of the sort key, if that is a start or an end that the filter bounds. */
export function boundsOfOrder(filter: ResolvedFilter, field: JobOrderField): Pick<TimeBounds, 'from' | 'to'> | null {
  const column = { STARTED_AT: 'started_at', ENDED_AT: 'ended_at' }[String(field)];
  return timeBounds(filter).find((bounds) => bounds.column === column) ?? null;
}

/** The jobs that started or ended in a time, all read from its index, because that has another order. */
export class TimedJobs {
  /** Their number, at most a limit. */
  readonly size: number;
  readonly #database: Database;
  readonly #filter: ResolvedFilter;
  readonly #bounds: TimeBounds;

  private constructor(database: Database, filter: ResolvedFilter, bounds: TimeBounds, size: number) {
    this.#database = database;
    this.#filter = filter;
    this.#bounds = bounds;
    this.size = size;
  }

  /** By the narrowest of the filter's times; null: none is bounded, or each has more than `most` jobs. */
  static async narrowest(database: Database, filter: ResolvedFilter, most: number): Promise<TimedJobs | null> {
    let narrowest: TimedJobs | null = null;
    for (const bounds of timeBounds(filter)) {
      const some = database
        .selectFrom(jobsBy(bounds.index))
        .select(sql<number>`1`.as('one'))
        .where('array_parent_id', 'is', null)
        .where('is_archived', 'in', archivedValues(filter))
        .where(within(bounds))
        .limit(most + 1);
      const { count } = await database
        .selectFrom(some.as('some'))
        .select((select) => select.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      if (count > most || (narrowest !== null && narrowest.size <= count)) continue;
      narrowest = new TimedJobs(database, filter, bounds, count);
    }
    return narrowest;
  }

  /** The places of the matching jobs in the order of a key, in slices. */
  async *places(sortKey: Expression<Key>): AsyncGenerator<readonly Place[], void, undefined> {
    const { index, column, to } = this.#bounds;
    for (const isArchived of archivedValues(this.#filter)) {
      let from = { key: this.#bounds.from, number: -1 };
      for (let length = LOOK; ; length = Math.min(length * 2, LOOK)) {
        const ahead = this.#database
          .selectFrom(jobsBy(index))
          .where('array_parent_id', 'is', null)
          .where('is_archived', '=', isArchived)
          .where(
            sql<SqlBool>`(${keyOf(column)}, number) > (${from.key}, ${from.number}) and ${keyOf(column)} >= ${from.key}`,
          )
          .where(sql<SqlBool>`${keyOf(column)} < ${to}`)
          .orderBy(keyOf(column))
          .orderBy('number');
        length = await boundedLook(this.#database, this.#filter, length, (count) => ahead.limit(count));
        const rows = await ahead
          .select(['number', sql<Key>`${sortKey}`.as('sort_key'), keyOf(column).as('key')])
          .select((select) => sql<number>`${jobsMatching(select, this.#filter)}`.as('is_match'))
          .limit(length)
          .execute();
        yield rows.flatMap(({ is_match, sort_key, number }) =>
          Number(is_match) === 1 ? [{ key: sort_key, number: Number(number) }] : [],
        );
        const last = rows.at(-1);
        if (last === undefined || rows.length < length) break;
        from = { key: last.key, number: Number(last.number) };
        await nextTurn();
      }
    }
  }
}

/** As in the indexes: jobs without such a time come after all others. */
function keyOf(column: TimeBounds['column']) {
  return sql<number>`coalesce(${sql.ref(column)}, ${sql.lit(NOT_YET)})`;
}

function within({ column, from, to }: TimeBounds): Expression<SqlBool> {
  return sql<SqlBool>`${keyOf(column)} >= ${from} and ${keyOf(column)} < ${to}`;
}
