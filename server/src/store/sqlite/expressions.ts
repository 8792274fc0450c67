import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Tables } from '../tables.ts';

/** A statement has a limit of values, so a long list is one JSON value. A short list is faster as it is. */
const SHORT_LIST = 64;

/** Whether a column has one of the values, however many there are. */
export function isAmong(column: Expression<unknown>, values: readonly (string | number)[]): Expression<SqlBool> {
  if (values.length > SHORT_LIST) return isListed(column, values);
  return values.length === 0 ? sql<SqlBool>`false` : sql<SqlBool>`${column} in (${sql.join(values)})`;
}

/** The same, always as one value, so that the prepared statement is the same for any number of values. */
export function isListed(column: Expression<unknown>, values: readonly (string | number)[]): RawBuilder<SqlBool> {
  return sql<SqlBool>`${column} in (select value from json_each(${JSON.stringify(values)}))`;
}

/** Whether a text contains a word, with matching case. */
export function holdsWord(text: Expression<string | null>, word: string): Expression<SqlBool> {
  return sql<SqlBool>`instr(${text}, ${word}) > 0`;
}

/** Whether a JSON list contains a text; null contains none. */
export function holdsEntry(list: Expression<string | null>, text: string): Expression<SqlBool> {
  return sql<SqlBool>`exists (select 1 from json_each(${list}) as entries where entries.value = ${text})`;
}

/** `jobs`, read through one index. PostgreSQL has no such hint and plans by itself. */
export function jobsBy(index: string) {
  return sql<Tables['jobs']>`jobs`.as<'jobs'>(sql`jobs indexed by ${sql.ref(index)}`);
}

/** The index that SQLite made for the ids of jobs, their primary key. */
export const BY_ID = 'sqlite_autoindex_jobs_1';

/** The order of index entries that are equal in its columns. */
export const ROW = sql.ref<number>('rowid');

/** By the clocks of clusters, no job but those of the index `jobs_before_submission` starts or ends earlier before its submission. */
export const MOST_EARLY_MS = 86_400_000;

/** Whether a job started or ended earlier than that, in the words of the index. */
export const IS_EARLY = sql<SqlBool>`min(coalesce(started_at, submitted_at), coalesce(ended_at, submitted_at)) < submitted_at - ${sql.lit(MOST_EARLY_MS)}`;
