import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Tables } from '../tables.ts';

/** A statement takes only so many values, and a long list of them is one as JSON. A short one is found faster as it is. */
const SHORT_LIST = 64;

/** Whether a column has one of the values, however many there are. */
export function isAmong(column: Expression<unknown>, values: readonly (string | number)[]): Expression<SqlBool> {
  if (values.length > SHORT_LIST) return isListed(column, values);
  return values.length === 0 ? sql<SqlBool>`false` : sql<SqlBool>`${column} in (${sql.join(values)})`;
}

/** The same, where the statement stays the same and prepared however many there are: they are one value. */
export function isListed(column: Expression<unknown>, values: readonly (string | number)[]): RawBuilder<SqlBool> {
  return sql<SqlBool>`${column} in (select value from json_each(${JSON.stringify(values)}))`;
}

/** Whether a text holds a word, letter by letter. */
export function holdsWord(text: Expression<string | null>, word: string): Expression<SqlBool> {
  return sql<SqlBool>`instr(${text}, ${word}) > 0`;
}

/** Whether a text holds a word of lower case, whatever the case of its own letters. */
export function holdsWordInAnyCase(text: Expression<string | null>, word: string): Expression<SqlBool> {
  // `lower` is the connection's own, which knows all letters.
  return sql<SqlBool>`instr(lower(${text}), ${word}) > 0`;
}

/** `jobs`, read in the order of one index. PostgreSQL has no such words and plans by itself. */
export function jobsBy(index: string) {
  return sql<Tables['jobs']>`jobs`.as<'jobs'>(sql`jobs indexed by ${sql.ref(index)}`);
}

/** The index that SQLite made for the ids of jobs, their primary key. */
export const BY_ID = 'sqlite_autoindex_jobs_1';

/** In this order entries of an index stand that are alike in its columns. */
export const ROW = sql.ref<number>('rowid');
