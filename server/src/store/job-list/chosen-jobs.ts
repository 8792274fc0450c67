import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { ResolvedFilter } from '../job-filter.ts';
import { BY_ID, isListed, jobsBy } from '../sqlite/index.ts';
import { looksAt } from './bounded-looks.ts';
import { type Place, placeOf } from './places.ts';

/** How many are read before the event loop turns. */
const LONGEST_LOOK = 1000;

/** The jobs that a filter names by id and that match it, read by key in as many statements as needed. */
export function chosenJobs(database: Database, ids: readonly string[], filter: ResolvedFilter) {
  // By itself, SQLite may choose the index of another part of the filter, which has more jobs.
  const byKey = (some: readonly string[]) => database.selectFrom(jobsBy(BY_ID)).where(isListed(sql.ref('id'), some));
  return looksAt(database, { ...filter, ids: null }, ids, LONGEST_LOOK, byKey);
}

/** Their places in the order of submission, for lists without the tasks of arrays. */
export async function* chosenPlaces(
  database: Database,
  ids: readonly string[],
  filter: ResolvedFilter,
): AsyncGenerator<readonly Place[], void, undefined> {
  for await (const look of chosenJobs(database, ids, filter)) {
    const rows = await look.select(['submitted_at as key', 'number']).execute();
    yield rows.map((row) => placeOf(row, 0));
  }
}
