import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from '../database.ts';
import { jobsMatching, type ResolvedFilter } from '../job-filter.ts';
import { submittedWithin } from './bounds.ts';
import { chosenPlaces } from './chosen-jobs.ts';
import { type Span, upTo, WHOLE } from './places.ts';
import { findAhead, LONGEST_LOOK, type Range, within } from './ranges.ts';
import { BY_SUBMISSION } from './sorts.ts';
import { candidateWays, shorterByTime, shortestWay } from './ways.ts';
import { countSought } from './words.ts';

/** How many index entries are counted before the event loop turns, if nothing else is read. */
const LONGEST_COUNT = 20_000;

/** How many jobs match a filter, without the tasks of arrays. */
export async function countJobs(database: Database, filter: ResolvedFilter): Promise<number> {
  if (filter.ids !== null) return countChosen(database, filter.ids, filter);
  const way = await shortestWay(database, filter, candidateWays(filter), Number.POSITIVE_INFINITY);
  let count = 0;
  const timed = await shorterByTime(database, filter, way.size);
  if (timed !== null) {
    for await (const places of timed.places(BY_SUBMISSION)) count += places.length;
    return count;
  }
  for (const range of way.ranges) {
    await nextTurn();
    count += await countRange(database, range, submittedWithin(filter, WHOLE));
  }
  if (way.sought !== null) count += await countSought(database, way.sought);
  return count;
}

async function countChosen(database: Database, ids: readonly string[], filter: ResolvedFilter): Promise<number> {
  let count = 0;
  for await (const places of chosenPlaces(database, ids, filter)) count += places.length;
  return count;
}

async function countRange(database: Database, range: Range, span: Span): Promise<number> {
  const { rest } = range;
  let count = 0;
  const longest = rest === null ? LONGEST_COUNT : LONGEST_LOOK;
  let open = span;
  for (let length = longest; ; await nextTurn()) {
    const ahead = await findAhead(database, range, open, length);
    let query = within(database, range, ahead === null ? open : upTo(open, ahead.place));
    if (rest !== null) query = query.where((where) => jobsMatching(where, rest));
    const row = await query.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
    count += row.count;
    if (ahead === null) return count;
    open = { ...open, from: ahead.place };
    length = Math.min(ahead.count * 2, longest);
  }
}
