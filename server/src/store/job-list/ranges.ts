import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Expression, type SqlBool, sql } from 'kysely';
import type { Database } from '../database.ts';
import { jobsMatching, type ResolvedFilter } from '../job-filter.ts';
import { jobsBy } from '../sqlite/index.ts';
import { boundedLook } from './bounded-looks.ts';
import { archivedValues, isOpen } from './bounds.ts';
import { beyond, inOrder, type Key, type Place, placeOf, type Span, upTo } from './places.ts';
import { BY_SUBMISSION, type Sort, type SortRange } from './sorts.ts';

/** How many index entries, or rows, are read before the event loop turns; the first slice is short. */
export const FIRST_LOOK = 1000;
export const LONGEST_LOOK = 4000;

/** The leading columns of an index, each with the values that a filter allows. */
export type Lists = Readonly<Record<string, readonly (string | number)[]>>;

/** An index that narrows the list, and the part of the filter that it doesn't cover. */
export interface Narrowing {
  readonly index: string;
  readonly lists: Lists;
  readonly rest: ResolvedFilter;
}

/** One range of an index: jobs in the order of a key and of their numbers. */
export interface Range extends SortRange {
  readonly index: string;
  /** The part of the filter that the index doesn't cover; null: none. */
  readonly rest: ResolvedFilter | null;
}

/** The end of a slice, this many entries further. */
interface Ahead {
  readonly place: Place;
  readonly count: number;
}

/** One for each combination of values, each in the order of submission. */
export function narrowRanges({ index, lists, rest }: Narrowing): Range[] {
  let ranges: Expression<SqlBool>[][] = archivedValues(rest).map((archived) => [
    sql<SqlBool>`is_archived = ${archived}`,
  ]);
  for (const [column, list] of Object.entries(lists)) {
    ranges = ranges.flatMap((where) => list.map((value) => [...where, sql<SqlBool>`${sql.ref(column)} = ${value}`]));
  }
  const open: ResolvedFilter = { ...rest, isArchived: null, submittedAfter: null, submittedBefore: null };
  return ranges.map((where) => ({ index, where, key: BY_SUBMISSION, shift: 0, rest: isOpen(open) ? null : open }));
}

/** All jobs in the order of a sort. */
export function sortRanges(filter: ResolvedFilter, sort: Sort): Range[] {
  const rest: ResolvedFilter = { ...filter, isArchived: null };
  return archivedValues(filter).flatMap((archived) =>
    sort.ranges.map(({ where, key, shift }) => ({
      index: sort.index,
      where: [sql<SqlBool>`is_archived = ${archived}`, ...where],
      key,
      shift,
      rest: isOpen(rest) ? null : rest,
    })),
  );
}

/**
 * The first jobs of several ranges, read in turn, one slice each: once one fills the page, the others are read only as
 * far as they can still add to it.
 */
export async function readRanges(
  database: Database,
  ranges: readonly Range[],
  span: Span,
  limit: number,
): Promise<Place[]> {
  let found: Place[] = [];
  let open = ranges.map((range) => ({ range, from: span.from, length: FIRST_LOOK }));
  while (open.length > 0) {
    const further: typeof open = [];
    for (const { range, from, length } of open) {
      const rest = { ...beyond(span, found, limit), from };
      const { places, ahead } = await look(database, range, rest, length, limit);
      if (places.length > 0) found = inOrder([...found, ...places], span.isDescending).slice(0, limit);
      if (ahead !== null) further.push({ range, from: ahead.place, length: Math.min(ahead.count * 2, LONGEST_LOOK) });
      if (range.rest !== null) await nextTurn();
    }
    open = further;
  }
  return found;
}

/** The next `length` entries of a range, and where they end; null: nothing that follows can be used. */
async function look(
  database: Database,
  range: Range,
  span: Span,
  length: number,
  limit: number,
): Promise<{ readonly places: readonly Place[]; readonly ahead: Ahead | null }> {
  const { rest } = range;
  const ahead = rest === null ? null : await findAhead(database, range, span, length);
  let query = ordered(database, range, ahead === null ? span : upTo(span, ahead.place));
  if (rest !== null) query = query.where((where) => jobsMatching(where, rest));
  const places = (await query.limit(limit).execute()).map((row) => placeOf(row, range.shift));
  return { places, ahead: places.length < limit ? ahead : null };
}

/** Where the next entries end: `most`, or as many as fit into a slice; null: there are fewer. */
export async function findAhead(database: Database, range: Range, span: Span, most: number): Promise<Ahead | null> {
  const { rest } = range;
  const entries = ordered(database, range, span);
  const next = (count: number) => entries.limit(count);
  const count = rest === null ? most : await boundedLook(database, rest, most, next);
  const row = await entries
    .limit(1)
    .offset(count - 1)
    .executeTakeFirst();
  return row === undefined ? null : { place: placeOf(row, range.shift), count };
}

function ordered(database: Database, range: Range, span: Span) {
  const direction = span.isDescending ? 'desc' : 'asc';
  return within(database, range, span)
    .select([sql<Key>`${range.key}`.as('key'), 'number'])
    .orderBy(range.key, direction)
    .orderBy('number', direction);
}

/** The jobs of a range within a span. */
export function within(database: Database, range: Range, { from, to, isDescending }: Span) {
  let query = database.selectFrom(jobsBy(range.index)).where('array_parent_id', 'is', null);
  for (const condition of range.where) query = query.where(condition);
  const stands = (operator: string, place: Place) => {
    const key = typeof place.key === 'number' ? place.key - range.shift : place.key;
    // An index on an expression is bounded by the expression alone; one on a column, by both.
    return sql<SqlBool>`(${range.key}, number) ${sql.raw(operator)} (${key}, ${place.number})
        and ${range.key} ${sql.raw(`${operator.charAt(0)}=`)} ${key}`;
  };
  if (from !== null) query = query.where(stands(isDescending ? '<' : '>', from));
  if (to !== null) query = query.where(stands(`${isDescending ? '>' : '<'}${to.isIncluded ? '=' : ''}`, to.place));
  return query;
}
