import type { Job } from '../../domain/job.ts';
import type { JobOrder } from '../../domain/job-filter.ts';
import { batches } from '../batches.ts';
import type { Database } from '../database.ts';
import type { ResolvedFilter } from '../job-filter.ts';
import { decodeCursor, encodeCursor, foreignCursor, type KeysetPage, type PageRequest } from '../keyset.ts';
import { type OnRead, wholeJobs } from '../whole-jobs.ts';
import { boundsSubmission, submittedWithin } from './bounds.ts';
import { chosenPlaces } from './chosen-jobs.ts';
import { countJobs } from './counts.ts';
import { between, beyond, inOrder, isAhead, type Place, type Span, WHOLE } from './places.ts';
import { readRanges, sortRanges } from './ranges.ts';
import { BY_SUBMISSION, LISTED, SORTED, SORTS, type Sort } from './sorts.ts';
import { boundsOfOrder } from './timed-jobs.ts';
import { candidateWays, MANY, shorterByTime, shortestWay, type Way } from './ways.ts';
import { COMMON_IN_BLOCK, readSought } from './words.ts';

/** Fewer jobs than this are all read and sorted. */
const SORTED_AT_MOST = 3000;

/** The jobs that match a filter, without the tasks of arrays. */
export class JobList {
  readonly #database: Database;
  readonly #filter: ResolvedFilter;

  constructor(database: Database, filter: ResolvedFilter) {
    this.#database = database;
    this.#filter = filter;
  }

  /** Throws CursorError. */
  async page(order: JobOrder, request: PageRequest, onRead: OnRead<Job>): Promise<KeysetPage<Job>> {
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
    const span = { from, to: null, isDescending };
    const limit = request.limit + 1;
    const places =
      order.field === 'SUBMITTED_AT'
        ? await this.#bySubmission(span, limit)
        : await this.#byOther(order.field, sort, span, limit);
    const shown = places.slice(0, request.limit);
    if (request.backwards) shown.reverse();
    const jobs = await this.#jobs(shown, onRead);
    return {
      rows: shown.flatMap((place) => {
        const row = jobs.get(place.number);
        // It left the list between the two reads.
        if (row === undefined) return [];
        return [{ cursor: encodeCursor({ order: name, asOf, values: [place.key, place.number] }), row }];
      }),
      hasMore: places.length > request.limit,
    };
  }

  count(): Promise<number> {
    return countJobs(this.#database, this.#filter);
  }

  async #bySubmission(span: Span, limit: number): Promise<Place[]> {
    const [database, filter] = [this.#database, this.#filter];
    if (filter.ids !== null) return firstOf(chosenPlaces(database, filter.ids, filter), span, limit);
    const way = await shortestWay(database, filter, candidateWays(filter), COMMON_IN_BLOCK);
    // A scan in the order of the list may end early; an index of times is read completely.
    const timed = await shorterByTime(database, filter, way.size < MANY ? way.size / 4 : MANY);
    return timed === null ? this.#along(way, span, limit) : firstOf(timed.places(BY_SUBMISSION), span, limit);
  }

  /** If no way is short, reads the index in the list's order. */
  async #byOther(field: JobOrder['field'], sort: Sort, span: Span, limit: number): Promise<Place[]> {
    const [database, filter] = [this.#database, this.#filter];
    if (filter.ids !== null) {
      return this.#sorted(await allOf(chosenPlaces(database, filter.ids, filter)), sort, span, limit);
    }
    const narrow = candidateWays(filter).filter(({ index }) => index !== LISTED || boundsSubmission(filter));
    const way = narrow.length === 0 ? null : await shortestWay(database, filter, narrow, COMMON_IN_BLOCK);
    const bounds = boundsOfOrder(filter, field);
    // Comparing texts costs more than reading the other columns.
    const time = field === 'STARTED_AT' || field === 'ENDED_AT' ? sort.ranges[0]?.key : undefined;
    const most = time !== undefined && bounds === null ? MANY : SORTED_AT_MOST;
    const timed = await shorterByTime(database, filter, Math.min(way?.size ?? MANY, most));
    if (timed !== null && time !== undefined) return firstOf(timed.places(time), span, limit);
    if (timed !== null) return this.#sorted(await allOf(timed.places(BY_SUBMISSION)), sort, span, limit);
    if (way !== null && way.size <= SORTED_AT_MOST) {
      return this.#sorted(await this.#along(way, WHOLE, Number.MAX_SAFE_INTEGER), sort, span, limit);
    }
    const ordered = bounds === null ? span : between(span, bounds.from, bounds.to);
    return readRanges(database, sortRanges(filter, sort), ordered, limit);
  }

  /** The first jobs that a way finds, in the order of submission. */
  async #along({ ranges, sought }: Way, span: Span, limit: number): Promise<Place[]> {
    const bounded = submittedWithin(this.#filter, span);
    const found = await readRanges(this.#database, ranges, bounded, limit);
    if (sought === null) return found;
    const places = await readSought(this.#database, sought, beyond(bounded, found, limit), limit);
    return inOrder([...found, ...places], span.isDescending).slice(0, limit);
  }

  /** Few jobs, in another order than that of submission. */
  async #sorted(found: readonly Place[], sort: Sort, span: Span, limit: number): Promise<Place[]> {
    const places: Place[] = [];
    for await (const batch of batches(found.map(({ number }) => number))) {
      const rows = await this.#database.selectFrom('jobs').select(SORTED).where('number', 'in', batch).execute();
      for (const row of rows) places.push({ key: sort.keyOf(row), number: Number(row.number) });
    }
    return inOrder(
      places.filter((place) => isAhead(place, span)),
      span.isDescending,
    ).slice(0, limit);
  }

  /** By number. */
  async #jobs(places: readonly Place[], onRead: OnRead<Job>): Promise<Map<number, Job>> {
    const found = new Map<number, Job>();
    const numbers = places.map(({ number }) => number);
    for await (const jobs of wholeJobs(this.#database, 'number', numbers)) {
      onRead(jobs);
      for (const job of jobs) found.set(Number(job.number), job);
    }
    return found;
  }
}

async function allOf(some: AsyncIterable<readonly Place[]>): Promise<Place[]> {
  const found: Place[] = [];
  for await (const places of some) found.push(...places);
  return found;
}

/** The first jobs in the order of their keys. */
async function firstOf(some: AsyncIterable<readonly Place[]>, span: Span, limit: number): Promise<Place[]> {
  let found: Place[] = [];
  for await (const places of some) {
    const ahead = places.filter((place) => isAhead(place, span));
    found = inOrder([...found, ...ahead], span.isDescending).slice(0, limit);
  }
  return found;
}
