import { setImmediate as nextTurn } from 'node:timers/promises';
import { type SelectQueryBuilder, sql } from 'kysely';
import type { Database } from '../database.ts';
import { jobsMatching, type ResolvedFilter } from '../job-filter.ts';
import type { Tables } from '../tables.ts';

/**
 * Bytes of the texts that one statement looks through, once for each word. SQLite compares a word anew at each place, as
 * far as it is alike: in so much, that is some 15 ms for the longest words in the most awkward texts.
 */
export const COMPARED_AT_ONCE = 1024 ** 2;

/**
 * How many of the next `most` jobs may be held against a filter in one statement: fewer where their texts are long or
 * the words many, but never none. `next` selects the first so many of them.
 */
export async function boundedLook<O>(
  database: Database,
  { words }: ResolvedFilter,
  most: number,
  next: (count: number) => SelectQueryBuilder<Tables, 'jobs', O>,
): Promise<number> {
  let count = most;
  while (words.length > 0 && count > 1) {
    // The length stands at the head of a row: the text itself isn't read.
    const texts = next(count).select(sql<number>`octet_length(search_text)`.as('bytes'));
    const { bytes } = await database
      .selectFrom(texts.as('texts'))
      .select(sql<number>`coalesce(sum(bytes), 0)`.as('bytes'))
      .executeTakeFirstOrThrow();
    const compared = bytes * words.length;
    if (compared <= COMPARED_AT_ONCE) break;
    count = Math.max(1, Math.floor(count * Math.min(0.5, COMPARED_AT_ONCE / compared)));
  }
  return count;
}

/**
 * Jobs with some keys in as many looks as it takes: of each, those that a filter lets through. `select` selects the jobs
 * with these keys.
 */
export async function* looksAt<Key>(
  database: Database,
  filter: ResolvedFilter,
  keys: readonly Key[],
  longest: number,
  select: (keys: readonly Key[]) => SelectQueryBuilder<Tables, 'jobs', object>,
) {
  let length = longest;
  for (let start = 0; start < keys.length; start += length) {
    const next = (count: number) => select(keys.slice(start, start + count));
    length = await boundedLook(database, filter, Math.min(length * 2, longest), next);
    yield next(length).where((where) => jobsMatching(where, filter));
    await nextTurn();
  }
}
