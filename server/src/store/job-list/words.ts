import { setImmediate as nextTurn } from 'node:timers/promises';
import { type SqlBool, sql } from 'kysely';
import type { Database } from '../database.ts';
import type { ResolvedFilter } from '../job-filter.ts';
import { blocksBetween, countInBlock, isListed, jobsBy, jobsInBlocks } from '../sqlite/index.ts';
import type { JobBlocksTable } from '../tables.ts';
import { looksAt } from './bounded-looks.ts';
import { submittedWithin } from './bounds.ts';
import { compare, inOrder, type Place, placeOf, type Span, WHOLE } from './places.ts';
import { FIRST_LOOK, LONGEST_LOOK } from './ranges.ts';

const SAMPLED_BLOCKS = 4;
const MOST_BLOCKS_TOGETHER = 8;
/** A word in more of a block's jobs than this is found fastest by reading one job after another. */
export const COMMON_IN_BLOCK = 2000;

/** Jobs that the index of words finds: some may lack the words, and the rest of the filter is not checked. */
export interface Sought {
  readonly words: readonly string[];
  readonly rest: ResolvedFilter;
}

/** About how many the index finds, estimated from a few blocks. Infinite if a block has more than `common`. */
export async function soughtSize(database: Database, { words, rest }: Sought, common: number): Promise<number> {
  const blocks = await blocksIn(database, submittedWithin(rest, WHOLE));
  const step = Math.max(1, blocks.length / SAMPLED_BLOCKS);
  let found = 0;
  let sampled = 0;
  for (let place = 0; place < blocks.length; place += step) {
    const block = blocks[Math.floor(place)];
    if (block === undefined) break;
    const count = await countInBlock(database, block, words, COMMON_IN_BLOCK);
    if (count >= common) return Number.POSITIVE_INFINITY;
    found += count;
    sampled += 1;
  }
  return sampled === 0 ? 0 : Math.ceil((found / sampled) * blocks.length);
}

/** Block after block, until no job of the blocks that are left can be on the page. */
export async function readSought(
  database: Database,
  { words, rest }: Sought,
  span: Span,
  limit: number,
): Promise<Place[]> {
  let found: Place[] = [];
  for (const [next, ...others] of inGroups(await blocksIn(database, span))) {
    const last = found[limit - 1];
    const best = { key: span.isDescending ? next.latest : next.earliest, number: last?.number ?? 0 };
    if (last !== undefined && best.key !== last.key && compare(best, last) < 0 === span.isDescending) break;
    const direction = span.isDescending ? 'desc' : 'asc';
    let query = jobsInBlocks(database, [next, ...others], words)
      .select(['submitted_at as key', 'number'])
      .orderBy('submitted_at', direction)
      .orderBy('number', direction);
    const stands = (operator: string, place: Place) =>
      sql<SqlBool>`(submitted_at, number) ${sql.raw(operator)} (${place.key}, ${place.number})`;
    if (span.from !== null) query = query.where(stands(span.isDescending ? '<' : '>', span.from));
    if (span.to !== null) query = query.where(stands(span.isDescending ? '>' : '<', span.to.place));
    const candidates = (await query.execute()).map((row) => placeOf(row, 0).number);
    let matching = 0;
    for await (const look of having(database, rest, candidates, FIRST_LOOK)) {
      const rows = await look.select(['submitted_at as key', 'number']).execute();
      found.push(...rows.map((row) => placeOf(row, 0)));
      matching += rows.length;
      if (matching >= limit) break;
    }
    found = inOrder(found, span.isDescending).slice(0, limit);
  }
  return found;
}

export async function countSought(database: Database, { words, rest }: Sought): Promise<number> {
  let count = 0;
  for (const block of await blocksIn(database, submittedWithin(rest, WHOLE))) {
    await nextTurn();
    const candidates = await jobsInBlocks(database, [block], words).select('number').execute();
    const numbers = candidates.map(({ number }) => Number(number));
    await nextTurn();
    for await (const look of having(database, rest, numbers, LONGEST_LOOK)) {
      const row = await look.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
      count += row.count;
    }
  }
  return count;
}

/** The blocks with jobs of a span, in its direction. */
function blocksIn(database: Database, { from, to, isDescending }: Span): Promise<readonly JobBlocksTable[]> {
  const edges = [from, to?.place ?? null].map((place) => (place === null ? null : Number(place.key)));
  const [first = null, last = null] = isDescending ? edges.toReversed() : edges;
  return blocksBetween(database, { first, last, isDescending });
}

/** Of some jobs, those that really match the words and the rest of the filter. */
function having(database: Database, rest: ResolvedFilter, numbers: readonly number[], longest: number) {
  return looksAt(database, rest, numbers, longest, (some) =>
    database
      .selectFrom(jobsBy('jobs_number'))
      .where('number', 'is not', null)
      .where(isListed(sql.ref('number'), some)),
  );
}

/** The first block alone, then more and more together: many small statements cost more than one. */
function* inGroups(
  blocks: readonly JobBlocksTable[],
): Generator<readonly [JobBlocksTable, ...JobBlocksTable[]], void, undefined> {
  let size = 1;
  for (let start = 0; start < blocks.length; start += size, size = Math.min(size * 2, MOST_BLOCKS_TOGETHER)) {
    const [first, ...others] = blocks.slice(start, start + size);
    if (first !== undefined) yield [first, ...others];
  }
}
