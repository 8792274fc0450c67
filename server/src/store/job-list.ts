import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Expression, type SqlBool, sql } from 'kysely';
import type { JobOrder } from '../domain/job-filter.ts';
import { batches } from './batches.ts';
import { boundedLook } from './bounded-looks.ts';
import type { Database } from './database.ts';
import { jobsMatching, type ResolvedFilter } from './job-filter.ts';
import {
  BY_SUBMISSION,
  compare,
  inOrder,
  type Key,
  LISTED,
  type Place,
  placeOf,
  SORTS,
  type Sort,
  type SortRange,
} from './job-list-order.ts';
import type { JobRow } from './job-rows.ts';
import { decodeCursor, encodeCursor, foreignCursor, type KeysetPage, type PageRequest } from './keyset.ts';
import { blocksBetween, countInBlock, isIndexed, isListed, jobsBy, jobsInBlocks } from './sqlite/index.ts';
import { boundsOfOrder, TimedJobs } from './timed-jobs.ts';

/** So many entries of an index, or rows, are looked at before the event loop turns; the first look is a short one. */
const FIRST_LOOK = 1000;
const LONGEST_LOOK = 4000;
const LONGEST_COUNT = 20_000;
/** Nothing is counted further. */
const COUNTED_AT_MOST = 20_000;
/** What is taken for the size of what isn't counted to its end: of two ways, the one that is known to be short is taken. */
const MANY = 10 * COUNTED_AT_MOST;
/** Fewer jobs than that are read as a whole and sorted. */
const SORTED_AT_MOST = 3000;
/** So many stretches of an index are read side by side. */
const MOST_RANGES = 64;
const SAMPLED_BLOCKS = 4;
const MOST_BLOCKS_TOGETHER = 8;
/** A word that is in more of a block's jobs than this is found soonest by looking at one job after the other. */
const COMMON_IN_BLOCK = 2000;

/** The jobs that stand between two places, in the direction of reading. Null: from, or to, the edge. */
interface Span {
  readonly from: Place | null;
  readonly to: { readonly place: Place; readonly isIncluded: boolean } | null;
  readonly isDescending: boolean;
}

/** One stretch of an index: jobs in the order of a key and of their numbers. */
interface Range extends SortRange {
  readonly index: string;
  /** What the index leaves open; null: nothing. */
  readonly rest: ResolvedFilter | null;
}

/** The end of a look, so many entries further. */
interface Ahead {
  readonly place: Place;
  readonly count: number;
}

/** Some way to find the jobs that a filter lets through, without looking at all others. */
interface Way {
  /** About how many jobs would be looked at for all of them. */
  readonly size: number;
  readonly ranges: readonly Range[];
  /** Jobs that the index of words has to find besides. */
  readonly sought: Sought | null;
}

interface Sought {
  readonly words: readonly string[];
  readonly rest: ResolvedFilter;
}

interface Block {
  readonly block: number;
  readonly earliest: number;
  readonly latest: number;
}

/** The jobs that a filter lets through, of those that no array holds. */
export class JobList {
  readonly #database: Database;
  readonly #filter: ResolvedFilter;

  constructor(database: Database, filter: ResolvedFilter) {
    this.#database = database;
    this.#filter = filter;
  }

  /** Throws CursorError. */
  async page(order: JobOrder, request: PageRequest): Promise<KeysetPage<JobRow>> {
    const cursor = request.from === null ? null : decodeCursor(request.from);
    const name = `${order.field} number`;
    const asOf = cursor?.asOf ?? Date.now();
    const sort = SORTS[order.field](asOf);
    const isDescending = (order.direction === 'DESC') !== request.backwards;
    const [key, number] = cursor?.values ?? [];
    if (cursor !== null && (cursor.order !== name || key === undefined || typeof number !== 'number')) {
      throw foreignCursor(request.from);
    }
    const from = key === undefined || typeof number !== 'number' ? null : { key, number };
    const limit = request.limit + 1;
    const places = await this.#places(order, sort, { from, to: null, isDescending }, limit);
    const shown = places.slice(0, request.limit);
    if (request.backwards) shown.reverse();
    const rows = await this.#rows(shown);
    return {
      rows: shown.flatMap((place) => {
        const row = rows.get(place.number);
        // It left the list between the two reads.
        if (row === undefined) return [];
        return [{ cursor: encodeCursor({ order: name, asOf, values: [place.key, place.number] }), row }];
      }),
      hasMore: places.length > request.limit,
    };
  }

  async count(): Promise<number> {
    const ways = await this.#ways();
    const way = await this.#shortest(ways, Number.POSITIVE_INFINITY);
    let count = 0;
    const timed = await this.#timed(way.size);
    if (timed !== null) {
      for await (const places of timed.places(BY_SUBMISSION)) count += places.length;
      return count;
    }
    for (const range of way.ranges) {
      await nextTurn();
      count += await this.#countRange(range);
    }
    if (way.sought !== null) count += await this.#countSought(way.sought);
    return count;
  }

  async #places(order: JobOrder, sort: Sort, span: Span, limit: number): Promise<Place[]> {
    const common = COMMON_IN_BLOCK;
    if (order.field === 'SUBMITTED_AT') {
      const way = await this.#shortest(await this.#ways(), common);
      // A way in the order of the list may end early, and the times are read to their end.
      const timed = await this.#timed(way.size < MANY ? way.size / 4 : MANY);
      if (timed !== null) return this.#first(timed, BY_SUBMISSION, span, limit);
      return this.#merged(way.ranges, way.sought, this.#bounded(span), limit);
    }
    const narrow = (await this.#ways()).filter(({ index }) => index !== LISTED || this.#hasBounds);
    const way = narrow.length === 0 ? null : await this.#shortest(narrow, common);
    const bounds = boundsOfOrder(this.#filter, order.field);
    // Texts take longer to compare than the rest of them to look through.
    const time = order.field === 'STARTED_AT' || order.field === 'ENDED_AT' ? sort.ranges[0]?.key : undefined;
    const most = time !== undefined && bounds === null ? MANY : SORTED_AT_MOST;
    const timed = await this.#timed(Math.min(way?.size ?? MANY, most));
    if (timed !== null && time !== undefined) return this.#first(timed, time, span, limit);
    if (timed !== null) return this.#sorted(await this.#allOf(timed), sort, span, limit);
    if (way !== null && way.size <= SORTED_AT_MOST) {
      const everything = this.#bounded({ from: null, to: null, isDescending: true });
      const found = await this.#merged(way.ranges, way.sought, everything, Number.MAX_SAFE_INTEGER);
      return this.#sorted(found, sort, span, limit);
    }
    const ranges = this.#sortRanges(sort);
    return this.#merged(ranges, null, bounds === null ? span : between(span, bounds.from, bounds.to), limit);
  }

  /** Where a time of starts or ends narrows the list to fewer jobs than that. */
  #timed(fewerThan: number): Promise<TimedJobs | null> {
    const most = Math.ceil(Math.min(fewerThan, COUNTED_AT_MOST)) - 1;
    return TimedJobs.narrowest(this.#database, this.#filter, most);
  }

  async #allOf(timed: TimedJobs): Promise<Place[]> {
    const found: Place[] = [];
    for await (const places of timed.places(BY_SUBMISSION)) found.push(...places);
    return found;
  }

  /** The first ones in the order of a key. */
  async #first(timed: TimedJobs, key: Expression<Key>, span: Span, limit: number): Promise<Place[]> {
    let found: Place[] = [];
    const isAhead = (place: Place) =>
      span.from === null || (span.isDescending ? compare(place, span.from) < 0 : compare(place, span.from) > 0);
    for await (const places of timed.places(key)) {
      found = inOrder([...found, ...places.filter(isAhead)], span.isDescending).slice(0, limit);
    }
    return found;
  }

  /**
   * The first ones of several stretches, which are read a look each in turn: where one fills the page soon, the others are
   * read only as far as they can still add to it.
   */
  async #merged(ranges: readonly Range[], sought: Sought | null, span: Span, limit: number): Promise<Place[]> {
    let found: Place[] = [];
    let rest = span;
    const add = (places: readonly Place[]) => {
      if (places.length === 0) return;
      found = inOrder([...found, ...places], span.isDescending).slice(0, limit);
      const last = found[limit - 1];
      if (last !== undefined) rest = { ...span, to: { place: last, isIncluded: false } };
    };
    let open = ranges.map((range) => ({ range, from: span.from, length: FIRST_LOOK }));
    while (open.length > 0) {
      const further: typeof open = [];
      for (const { range, from, length } of open) {
        const { places, ahead } = await this.#look(range, { ...rest, from }, length, limit);
        add(places);
        if (ahead !== null) further.push({ range, from: ahead.place, length: Math.min(ahead.count * 2, LONGEST_LOOK) });
        if (range.rest !== null) await nextTurn();
      }
      open = further;
    }
    if (sought !== null) add(await this.#readSought(sought, rest, limit));
    return found;
  }

  /** Every column of them; by number. */
  async #rows(places: readonly Place[]): Promise<Map<number, JobRow>> {
    const found = new Map<number, JobRow>();
    for await (const batch of batches(places.map(({ number }) => number))) {
      const rows = await this.#database.selectFrom('jobs').selectAll().where('number', 'in', batch).execute();
      for (const row of rows) found.set(Number(row.number), row);
    }
    return found;
  }

  // Which way is the shortest

  get #hasBounds(): boolean {
    return this.#filter.submittedAfter !== null || this.#filter.submittedBefore !== null;
  }

  get #archived(): readonly number[] {
    const { isArchived } = this.#filter;
    return isArchived === null ? [0, 1] : [isArchived ? 1 : 0];
  }

  /** The ways there are, none of them measured; of two long ones, the first is taken, whose index tells more. */
  async #ways(): Promise<Candidate[]> {
    const { clusters, partitions, projectIds, userIds, states, exitCodes, words } = this.#filter;
    const candidates: Candidate[] = [];
    const add = (index: string, lists: Lists, rest: Partial<ResolvedFilter>) => {
      const ranges = Object.values(lists).reduce((product, list) => product * list.length, this.#archived.length);
      if (ranges <= MOST_RANGES) candidates.push({ index, lists, rest: { ...this.#filter, ...rest } });
    };
    if (projectIds !== null) add('jobs_by_project', { project_id: projectIds }, { projectIds: null });
    if (userIds !== null) add('jobs_by_user', { submitted_by: userIds }, { userIds: null });
    if (exitCodes !== null) add('jobs_by_exit_code', { exit_code: exitCodes }, { exitCodes: null });
    if (states !== null) add('jobs_by_state', { state: states }, { states: null });
    if (clusters !== null && partitions !== null) {
      const lists = { cluster_name: clusters, partition: partitions };
      add('jobs_by_cluster_partition', lists, { clusters: null, partitions: null });
    } else if (clusters !== null) add('jobs_by_cluster', { cluster_name: clusters }, { clusters: null });
    else if (partitions !== null) add('jobs_by_partition', { partition: partitions }, { partitions: null });
    const sought = this.#sought(words);
    if (sought !== null) candidates.push(sought);
    if (candidates.length === 0 || this.#hasBounds) add(LISTED, {}, {});
    return candidates;
  }

  /**
   * Words are sought together unless a project's name holds one of them; else one word is, and all jobs of the projects
   * whose names hold it are looked at besides. Null where no index knows the words: they are too short.
   */
  #sought(words: ResolvedFilter['words']): Candidate | null {
    const indexed = words.filter(({ text }) => isIndexed(text));
    const alone = indexed.filter(({ projectIds }) => projectIds.length === 0);
    if (alone.length > 0) {
      return { index: null, words: alone.map(({ text }) => text), projectIds: [], rest: this.#filter };
    }
    const [fewest] = indexed.toSorted((left, right) => left.projectIds.length - right.projectIds.length);
    if (fewest === undefined || fewest.projectIds.length * this.#archived.length > MOST_RANGES) return null;
    return { index: null, words: [fewest.text], projectIds: fewest.projectIds, rest: this.#filter };
  }

  async #shortest(candidates: readonly Candidate[], common: number): Promise<Way> {
    let shortest: { readonly candidate: Candidate; readonly size: number } | undefined;
    for (const candidate of candidates) {
      const size = candidates.length === 1 && candidate.index === LISTED ? MANY : await this.#size(candidate, common);
      if (shortest === undefined || size < shortest.size) shortest = { candidate, size };
      if (size <= FIRST_LOOK / 2) break;
    }
    if (shortest === undefined || shortest.size === Number.POSITIVE_INFINITY) {
      return {
        size: MANY,
        ranges: this.#ranges({ index: LISTED, lists: {}, rest: this.#filter }),
        sought: null,
      };
    }
    const { candidate, size } = shortest;
    if (candidate.index !== null) return { size, ranges: this.#ranges(candidate), sought: null };
    // What is found by the index of words, and by a project's name alone.
    const sought = (isAbsent: boolean): ResolvedFilter => ({
      ...candidate.rest,
      words: candidate.rest.words.map((word) =>
        candidate.words.includes(word.text) ? { text: word.text, projectIds: [], isAbsent } : word,
      ),
    });
    const ofProjects = this.#ranges({
      index: 'jobs_by_project',
      lists: { project_id: candidate.projectIds },
      rest: sought(true),
    });
    return { size, ranges: ofProjects, sought: { words: candidate.words, rest: sought(false) } };
  }

  async #size(candidate: Candidate, common: number): Promise<number> {
    if (candidate.index === null) return this.#soughtSize(candidate, common);
    return this.#indexSize(candidate.index, candidate.lists);
  }

  async #indexSize(index: string, lists: Lists): Promise<number> {
    const some = this.#database
      .selectFrom(jobsBy(index))
      .select(sql<number>`1`.as('one'))
      .where('array_parent_id', 'is', null)
      .where('is_archived', 'in', this.#archived)
      .where((where) => where.and(Object.entries(lists).map(([column, list]) => where(sql.ref(column), 'in', list))))
      .where((where) => where.and(this.#bounds(where)))
      .limit(COUNTED_AT_MOST);
    const row = await this.#database
      .selectFrom(some.as('some'))
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return row.count < COUNTED_AT_MOST ? row.count : MANY;
  }

  #bounds(where: (column: 'submitted_at', operator: '>=' | '<', value: number) => Expression<SqlBool>) {
    const { submittedAfter: after, submittedBefore: before } = this.#filter;
    const bounds: Expression<SqlBool>[] = [];
    if (after !== null) bounds.push(where('submitted_at', '>=', after.getTime()));
    if (before !== null) bounds.push(where('submitted_at', '<', before.getTime()));
    return bounds;
  }

  /** Told from a few blocks. Infinite where the words are common. */
  async #soughtSize({ words, projectIds }: SoughtCandidate, common: number): Promise<number> {
    const blocks = await this.#blocks(this.#bounded({ from: null, to: null, isDescending: true }));
    const step = Math.max(1, blocks.length / SAMPLED_BLOCKS);
    let found = 0;
    let sampled = 0;
    for (let place = 0; place < blocks.length; place += step) {
      const block = blocks[Math.floor(place)];
      if (block === undefined) break;
      const count = await countInBlock(this.#database, block, words, COMMON_IN_BLOCK);
      if (count >= common) return Number.POSITIVE_INFINITY;
      found += count;
      sampled += 1;
    }
    const inText = sampled === 0 ? 0 : Math.ceil((found / sampled) * blocks.length);
    if (projectIds.length === 0) return inText;
    return inText + (await this.#indexSize('jobs_by_project', { project_id: projectIds }));
  }

  // Ranges of an index

  #ranges({ index, lists, rest }: IndexCandidate): Range[] {
    let ranges: Expression<SqlBool>[][] = this.#archived.map((archived) => [sql<SqlBool>`is_archived = ${archived}`]);
    for (const [column, list] of Object.entries(lists)) {
      ranges = ranges.flatMap((where) => list.map((value) => [...where, sql<SqlBool>`${sql.ref(column)} = ${value}`]));
    }
    const open: ResolvedFilter = { ...rest, isArchived: null, submittedAfter: null, submittedBefore: null };
    return ranges.map((where) => ({ index, where, key: BY_SUBMISSION, shift: 0, rest: isOpen(open) ? null : open }));
  }

  #sortRanges(sort: Sort): Range[] {
    const rest: ResolvedFilter = { ...this.#filter, isArchived: null };
    return this.#archived.flatMap((archived) =>
      sort.ranges.map(({ where, key, shift }) => ({
        index: sort.index,
        where: [sql<SqlBool>`is_archived = ${archived}`, ...where],
        key,
        shift,
        rest: isOpen(rest) ? null : rest,
      })),
    );
  }

  /** What is submitted in the filter's time, as places; so that an index is never bounded twice on one side. */
  #bounded(span: Span): Span {
    const { submittedAfter: after, submittedBefore: before } = this.#filter;
    return between(span, after?.getTime() ?? null, before?.getTime() ?? null);
  }

  #within(range: Range, { from, to, isDescending }: Span) {
    let query = this.#database.selectFrom(jobsBy(range.index)).where('array_parent_id', 'is', null);
    for (const condition of range.where) query = query.where(condition);
    const beyond = (place: Place, operator: string) => {
      const key = typeof place.key === 'number' ? place.key - range.shift : place.key;
      // An index on an expression is bounded by the expression alone; one on a column, by both.
      return sql<SqlBool>`(${range.key}, number) ${sql.raw(operator)} (${key}, ${place.number})
        and ${range.key} ${sql.raw(`${operator.charAt(0)}=`)} ${key}`;
    };
    if (from !== null) query = query.where(beyond(from, isDescending ? '<' : '>'));
    if (to !== null) query = query.where(beyond(to.place, `${isDescending ? '>' : '<'}${to.isIncluded ? '=' : ''}`));
    return query;
  }

  #ordered(range: Range, span: Span) {
    const direction = span.isDescending ? 'desc' : 'asc';
    return this.#within(range, span)
      .select([sql<Key>`${range.key}`.as('key'), 'number'])
      .orderBy(range.key, direction)
      .orderBy('number', direction);
  }

  /** Where the next entries end, `most` or as many as fit into a look; null: there are fewer. */
  async #ahead(range: Range, span: Span, most: number): Promise<Ahead | null> {
    const { rest } = range;
    const ordered = this.#ordered(range, span);
    const next = (count: number) => ordered.limit(count);
    const count = rest === null ? most : await boundedLook(this.#database, rest, most, next);
    const row = await ordered
      .limit(1)
      .offset(count - 1)
      .executeTakeFirst();
    return row === undefined ? null : { place: placeOf(row, range.shift), count };
  }

  /** What the next `length` entries of a stretch add, and where they end; null: nothing that follows could be of use. */
  async #look(
    range: Range,
    span: Span,
    length: number,
    limit: number,
  ): Promise<{ readonly places: readonly Place[]; readonly ahead: Ahead | null }> {
    const { rest } = range;
    const ahead = rest === null ? null : await this.#ahead(range, span, length);
    let query = this.#ordered(range, ahead === null ? span : upTo(span, ahead));
    if (rest !== null) query = query.where((where) => jobsMatching(where, rest));
    const places = (await query.limit(limit).execute()).map((row) => placeOf(row, range.shift));
    return { places, ahead: places.length < limit ? ahead : null };
  }

  async #countRange(range: Range): Promise<number> {
    const { rest } = range;
    const span = this.#bounded({ from: null, to: null, isDescending: true });
    let count = 0;
    const longest = rest === null ? LONGEST_COUNT : LONGEST_LOOK;
    let { from } = span;
    for (let length = longest; ; await nextTurn()) {
      const ahead = await this.#ahead(range, { ...span, from }, length);
      let query = this.#within(range, ahead === null ? { ...span, from } : upTo({ ...span, from }, ahead));
      if (rest !== null) query = query.where((where) => jobsMatching(where, rest));
      const row = await query.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
      count += row.count;
      if (ahead === null) return count;
      from = ahead.place;
      length = Math.min(ahead.count * 2, longest);
    }
  }

  // Words

  async #blocks(span: Span): Promise<Block[]> {
    const edges = [span.from, span.to?.place ?? null].map((place) => (place === null ? null : Number(place.key)));
    const [first = null, last = null] = span.isDescending ? edges.toReversed() : edges;
    return [...(await blocksBetween(this.#database, { first, last, isDescending: span.isDescending }))];
  }

  /** Jobs of some blocks that may have the words; the index of numbers tells when each was submitted. */
  #inBlocks(blocks: readonly Block[], words: readonly string[]) {
    return jobsInBlocks(this.#database, blocks, words);
  }

  #numbered(numbers: readonly number[]) {
    return this.#database
      .selectFrom(jobsBy('jobs_number'))
      .where('number', 'is not', null)
      .where(isListed(sql.ref('number'), numbers));
  }

  /** Some jobs in as many looks as it takes: of each, those that really have the words, and whatever else is asked for. */
  async *#having(rest: ResolvedFilter, numbers: readonly number[], longest: number) {
    let length = longest;
    for (let start = 0; start < numbers.length; start += length) {
      const next = (count: number) => this.#numbered(numbers.slice(start, start + count));
      length = await boundedLook(this.#database, rest, Math.min(length * 2, longest), next);
      yield next(length).where((where) => jobsMatching(where, rest));
      await nextTurn();
    }
  }

  /** Block after block, until no job of the blocks that are left can be on the page. */
  async #readSought({ words, rest }: Sought, span: Span, limit: number): Promise<Place[]> {
    let found: Place[] = [];
    for (const [next, ...others] of inGroups(await this.#blocks(span))) {
      const last = found[limit - 1];
      const best = { key: span.isDescending ? next.latest : next.earliest, number: last?.number ?? 0 };
      if (last !== undefined && best.key !== last.key && compare(best, last) < 0 === span.isDescending) break;
      const direction = span.isDescending ? 'desc' : 'asc';
      let query = this.#inBlocks([next, ...others], words)
        .select(['submitted_at as key', 'number'])
        .orderBy('submitted_at', direction)
        .orderBy('number', direction);
      const beyond = (place: Place, operator: string) =>
        sql<SqlBool>`(submitted_at, number) ${sql.raw(operator)} (${place.key}, ${place.number})`;
      if (span.from !== null) query = query.where(beyond(span.from, span.isDescending ? '<' : '>'));
      if (span.to !== null) query = query.where(beyond(span.to.place, span.isDescending ? '>' : '<'));
      const candidates = (await query.execute()).map((row) => placeOf(row, 0).number);
      let matching = 0;
      for await (const look of this.#having(rest, candidates, FIRST_LOOK)) {
        const rows = await look.select(['submitted_at as key', 'number']).execute();
        found.push(...rows.map((row) => placeOf(row, 0)));
        matching += rows.length;
        if (matching >= limit) break;
      }
      found = inOrder(found, span.isDescending).slice(0, limit);
    }
    return found;
  }

  async #countSought({ words, rest }: Sought): Promise<number> {
    let count = 0;
    for (const block of await this.#blocks(this.#bounded({ from: null, to: null, isDescending: true }))) {
      await nextTurn();
      const candidates = await this.#inBlocks([block], words).select('number').execute();
      const numbers = candidates.map(({ number }) => Number(number));
      await nextTurn();
      for await (const look of this.#having(rest, numbers, LONGEST_LOOK)) {
        const row = await look.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
        count += row.count;
      }
    }
    return count;
  }

  // Few jobs, sorted by something else than their submission

  async #sorted(found: readonly Place[], sort: Sort, span: Span, limit: number): Promise<Place[]> {
    const places: Place[] = [];
    for (const row of (await this.#rows(found)).values()) {
      const place = { key: sort.keyOf(row), number: Number(row.number) };
      if (span.from === null || compare(span.from, place) < 0 !== span.isDescending) places.push(place);
    }
    return inOrder(
      places.filter((place) => span.from === null || compare(place, span.from) !== 0),
      span.isDescending,
    ).slice(0, limit);
  }
}

type Lists = Readonly<Record<string, readonly (string | number)[]>>;

interface IndexCandidate {
  readonly index: string;
  readonly lists: Lists;
  readonly rest: ResolvedFilter;
}

interface SoughtCandidate {
  readonly index: null;
  readonly words: readonly string[];
  readonly projectIds: readonly string[];
  readonly rest: ResolvedFilter;
}

type Candidate = IndexCandidate | SoughtCandidate;

/** The first one alone, then more and more together: many small looks cost more than one. */
function* inGroups(blocks: readonly Block[]): Generator<readonly [Block, ...Block[]]> {
  let size = 1;
  for (let start = 0; start < blocks.length; start += size, size = Math.min(size * 2, MOST_BLOCKS_TOGETHER)) {
    const [first, ...others] = blocks.slice(start, start + size);
    if (first !== undefined) yield [first, ...others];
  }
}

function upTo(span: Span, { place }: Ahead): Span {
  return { ...span, to: { place, isIncluded: true } };
}

/** What of a span lies between two keys, the second one not included; null: it isn't bounded there. */
function between(span: Span, after: number | null, before: number | null): Span {
  // No job has this number, so it stands before all jobs of its instant.
  const edge = (key: number | null) => (key === null ? null : { key, number: -1 });
  const [first, last] = span.isDescending ? [edge(before), edge(after)] : [edge(after), edge(before)];
  const isFurther = first !== null && (span.from === null || compare(first, span.from) < 0 === span.isDescending);
  return {
    ...span,
    from: isFurther ? first : span.from,
    to: last === null ? null : { place: last, isIncluded: false },
  };
}

function isOpen(filter: ResolvedFilter): boolean {
  const { words, includeArrayTasks: _, ...parts } = filter;
  return words.length === 0 && Object.values(parts).every((part) => part === null);
}
