import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Job } from '../../domain/job.ts';
import type { JobOrder } from '../../domain/job-filter.ts';
import type { Database } from '../database.ts';
import { jobsMatching, type ResolvedFilter } from '../job-filter.ts';
import { decodeCursor, encodeCursor, foreignCursor, type KeysetPage, type PageRequest } from '../keyset.ts';
import { jobsBy, ROW } from '../sqlite/index.ts';
import { type OnRead, wholeJobs } from '../whole-jobs.ts';
import { boundedLook } from './bounded-looks.ts';
import { chosenJobs } from './chosen-jobs.ts';
import { compareKeys, type Key } from './places.ts';
import { NOT_YET } from './sorts.ts';

/** How many rows are read before the event loop turns; the first slice is short. */
const FIRST_LOOK = 500;
const LONGEST_LOOK = 4000;
/** Projects with fewer jobs and tasks are read one after the other. */
const FEW = 20_000;
const MOST_PROJECTS = 64;

const ID = sql.ref<Key>('id');

/** The place of a row in a list: its sort key, and its id among equals. */
interface Place {
  readonly key: Key;
  readonly id: string;
}

/** A scan of an index that includes tasks. */
interface Walk {
  readonly index: string;
  readonly only: Expression<SqlBool> | null;
  /** The order of the index, in which no two rows are equal. */
  readonly columns: readonly RawBuilder<Key>[];
  readonly isDescending: boolean;
  /** Starts after this place; null: from the beginning. */
  readonly from: readonly Key[] | null;
  /** Ends with this place; null: at the end. */
  readonly to: readonly Key[] | null;
  /** The part of the filter that the index doesn't cover. */
  readonly rest: ResolvedFilter;
}

/**
 * The jobs that match a filter, including the tasks of arrays. Reads all rows in the order of submission, unless the
 * filter bounds that time, names jobs or small projects, or a page in this order is full.
 */
export class JobListWithTasks {
  readonly #database: Database;
  readonly #filter: ResolvedFilter;

  constructor(database: Database, filter: ResolvedFilter) {
    this.#database = database;
    this.#filter = filter;
  }

  /** Throws CursorError. */
  async page({ field, direction }: JobOrder, request: PageRequest, onRead: OnRead<Job>): Promise<KeysetPage<Job>> {
    const cursor = request.from === null ? null : decodeCursor(request.from);
    const [key, id, ...others] = cursor?.values ?? [];
    if (cursor !== null && (cursor.order !== field || key === undefined || typeof id !== 'string' || others.length > 0))
      throw foreignCursor(request.from);
    const from = key === undefined || typeof id !== 'string' ? null : { key, id };
    const asOf = cursor?.asOf ?? Date.now();
    const isDescending = (direction === 'DESC') !== request.backwards;
    const places = await this.#first(request.limit + 1, field, asOf, isDescending, from);
    const shown = places.slice(0, request.limit);
    if (request.backwards) shown.reverse();
    const jobs = await this.#jobs(shown, onRead);
    return {
      rows: shown.flatMap((place) => {
        const row = jobs.get(place.id);
        return row === undefined
          ? []
          : [{ cursor: encodeCursor({ order: field, asOf, values: [place.key, place.id] }), row }];
      }),
      hasMore: places.length > request.limit,
    };
  }

  async count(): Promise<number> {
    let count = 0;
    for (const stretches of (await this.#narrow()) ?? [this.#stretches(this.#recent(true, null))]) {
      for await (const stretch of stretches) {
        const row = await stretch
          .select((select) => select.fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow();
        count += row.count;
      }
    }
    return count;
  }

  async #first(
    limit: number,
    field: JobOrder['field'],
    asOf: number,
    isDescending: boolean,
    from: Place | null,
  ): Promise<readonly Place[]> {
    const key = keyOf(field, asOf);
    const direction = isDescending ? 'desc' : 'asc';
    const [behind, before] = isDescending ? (['<', '>'] as const) : (['>', '<'] as const);
    const narrow = await this.#narrow();
    const isInOrder = field === 'SUBMITTED_AT' && narrow === null;
    const recent = () => this.#stretches(isInOrder ? this.#recent(isDescending, from) : this.#recent(true, null));
    let found: Place[] = [];
    for (const stretches of narrow ?? [recent()]) {
      for await (const stretch of stretches) {
        const last = found[limit - 1];
        let query = stretch
          .select([key.as('key'), 'id'])
          .orderBy(key, direction)
          .orderBy('id', direction);
        if (from !== null && !isInOrder) query = query.where(stands([key, ID], behind, [from.key, from.id]));
        if (last !== undefined) query = query.where(stands([key, ID], before, [last.key, last.id]));
        const places = await query.limit(limit).execute();
        found = [...found, ...places]
          .sort((left, right) => compare(left, right) * (isDescending ? -1 : 1))
          .slice(0, limit);
        if (isInOrder && found.length === limit) break;
      }
    }
    return found;
  }

  /** All of them in the order of their submission, as far as the filter's bounds let them through. */
  #recent(isDescending: boolean, after: Place | null): Walk {
    const { submittedAfter, submittedBefore } = this.#filter;
    // No id is smaller.
    const edge = (time: Date | null) => (time === null ? null : { key: time.getTime(), id: '' });
    const [first, last] = isDescending
      ? [edge(submittedBefore), edge(submittedAfter)]
      : [edge(submittedAfter), edge(submittedBefore)];
    const isFurther = after !== null && (first === null || compare(after, first) > 0 !== isDescending);
    const values = (place: Place | null) => (place === null ? null : [place.key, place.id]);
    return {
      ...{ index: 'jobs_recent', only: null, columns: [sql.ref<Key>('submitted_at'), ID], isDescending },
      ...{ from: values(isFurther ? after : first), to: values(last) },
      rest: { ...this.#filter, submittedAfter: null, submittedBefore: null },
    };
  }

  /** The jobs that the filter names, or those of projects that have few, a stretch at a time; null: read all. */
  async #narrow() {
    const { ids } = this.#filter;
    if (ids !== null) return [chosenJobs(this.#database, ids, this.#filter)];
    return (await this.#ofProjects())?.map((walk) => this.#stretches(walk)) ?? null;
  }

  /** Those of some projects, where these have few; null: read all. */
  async #ofProjects(): Promise<readonly Walk[] | null> {
    const { projectIds } = this.#filter;
    if (projectIds === null || projectIds.length > MOST_PROJECTS) return null;
    const some = this.#database
      .selectFrom(jobsBy('jobs_of_project'))
      .select(sql<number>`1`.as('one'))
      .where('project_id', 'in', projectIds)
      .limit(FEW);
    const { count } = await this.#database
      .selectFrom(some.as('some'))
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (count === FEW) return null;
    return [...new Set(projectIds)].map((id) => ({
      ...{ index: 'jobs_of_project', only: sql<SqlBool>`project_id = ${id}`, columns: [ROW] },
      ...{ isDescending: false, from: null, to: null, rest: this.#filter },
    }));
  }

  /** The matching rows of consecutive slices of an index, each short enough for one statement. */
  async *#stretches({ index, only, columns, isDescending, to, rest, ...walk }: Walk) {
    if (rest.states?.length === 0) return;
    const direction = isDescending ? 'desc' : 'asc';
    const beyond = (place: readonly Key[]) => stands(columns, isDescending ? '<' : '>', place);
    const upTo = (place: readonly Key[]) => stands(columns, isDescending ? '>=' : '<=', place);
    let { from } = walk;
    for (let length = FIRST_LOOK; ; length = Math.min(length * 2, LONGEST_LOOK)) {
      let open = this.#database.selectFrom(jobsBy(index));
      if (only !== null) open = open.where(only);
      if (from !== null) open = open.where(beyond(from));
      const bounded: typeof open = to === null ? open : open.where(upTo(to));
      let ordered = bounded;
      for (const column of columns) ordered = ordered.orderBy(column, direction);
      length = await boundedLook(this.#database, rest, length, (some) => ordered.limit(some));
      const end: Readonly<Record<string, Key>> | undefined = await ordered
        .select(columns.map((column, at) => column.as(`${at}`)))
        .limit(1)
        .offset(length - 1)
        .executeTakeFirst();
      from = end === undefined ? null : Object.values(end);
      const stretch: typeof open = from === null ? bounded : open.where(upTo(from));
      yield stretch.where((where) => jobsMatching(where, rest));
      if (from === null) return;
      await nextTurn();
    }
  }

  /** By id. */
  async #jobs(places: readonly Place[], onRead: OnRead<Job>): Promise<Map<string, Job>> {
    const found = new Map<string, Job>();
    const ids = places.map(({ id }) => id);
    for await (const jobs of wholeJobs(this.#database, 'id', ids)) {
      onRead(jobs);
      for (const job of jobs) found.set(job.id, job);
    }
    return found;
  }
}

/** Whether a row lies after a place in the order of some columns. */
function stands(columns: readonly RawBuilder<Key>[], how: '<' | '>' | '<=' | '>=', place: readonly Key[]) {
  return sql<SqlBool>`(${sql.join(columns)}) ${sql.raw(how)} (${sql.join(place)})`;
}

function compare(left: Place, right: Place): number {
  return compareKeys(left.key, right.key) || compareKeys(left.id, right.id);
}

function keyOf(field: JobOrder['field'], now: number): RawBuilder<Key> {
  switch (field) {
    case 'SUBMITTED_AT':
      return sql.ref<Key>('submitted_at');
    case 'STARTED_AT':
      return sql<Key>`coalesce(started_at, ${sql.lit(NOT_YET)})`;
    case 'ENDED_AT':
      return sql<Key>`coalesce(ended_at, ${sql.lit(NOT_YET)})`;
    case 'NAME':
      // A task has that of its array.
      return sql<Key>`coalesce((select arrays.name from jobs as arrays where arrays.id = jobs.array_parent_id), jobs.name)`;
    case 'STATE':
      return sql.ref<Key>('state');
    case 'ELAPSED':
      return sql<Key>`case when started_at is null then -1 else coalesce(ended_at, ${sql.lit(now)}) - started_at end`;
  }
}
