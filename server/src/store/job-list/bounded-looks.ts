import { setImmediate as nextTurn } from 'node:timers/promises';
import { type SelectQueryBuilder, sql } from 'kysely';
import type { Database } from '../database.ts';
import { comparedBytes, jobsMatching, type ResolvedFilter } from '../job-filter.ts';
import { COMPARED_AT_ONCE } from '../search.ts';
import type { Tables } from '../tables.ts';

/**
 * How many of the next `most` jobs one statement may compare with a filter: fewer if their texts are long, or the words
 * or tags many, but at least one. `next` selects the first ones.
 */
export async function boundedLook<O>(
  database: Database,
  filter: ResolvedFilter,
  most: number,
  next: (count: number) => SelectQueryBuilder<Tables, 'jobs', O>,
): Promise<number> {
  const bytesOfJob = comparedBytes(filter);
  let count = most;
  while (bytesOfJob !== null && count > 1) {
    // The length is in the header of a row: the text itself isn't read.
    const texts = next(count).select(sql<number>`${bytesOfJob}`.as('bytes'));
    const { bytes: compared } = await database
      .selectFrom(texts.as('texts'))
      .select(sql<number>`coalesce(sum(bytes), 0)`.as('bytes'))
      .executeTakeFirstOrThrow();
    if (compared <= COMPARED_AT_ONCE) break;
    count = Math.max(1, Math.floor(count * Math.min(0.5, COMPARED_AT_ONCE / compared)));
  }
  return count;
}

/**
 * The jobs with some keys that match a filter, read in as many statements as needed. `select` selects the jobs with
 * given keys.
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
