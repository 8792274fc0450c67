import { type Expression, type SqlBool, sql } from 'kysely';
import { MAX_SEARCH_WORDS, searchedTag } from '../../domain/job-filter.ts';
import type { Database } from '../database.ts';
import type { ResolvedFilter } from '../job-filter.ts';
import { wordsOf } from '../search.ts';
import { isIndexed, jobsBy } from '../sqlite/index.ts';
import { archivedValues, boundsSubmission } from './bounds.ts';
import { FIRST_LOOK, type Lists, type Narrowing, narrowRanges, type Range } from './ranges.ts';
import { LISTED } from './sorts.ts';
import { TimedJobs } from './timed-jobs.ts';
import { type Sought, soughtSize } from './words.ts';

/** Counting stops here. */
const COUNTED_AT_MOST = 20_000;
/** The assumed size of a way that isn't counted completely: a way that is known to be short wins. */
export const MANY = 10 * COUNTED_AT_MOST;
/** How many ranges of an index are read in parallel. */
const MOST_RANGES = 64;

/** As many words as a search has are looked up together: the index goes through all of them for each job that has some. */
const MOST_SOUGHT = MAX_SEARCH_WORDS;

/** A way to find the matching jobs without reading all others. */
export interface Way {
  /** About how many jobs it would read for all of them. */
  readonly size: number;
  readonly ranges: readonly Range[];
  /** Jobs that the index of words must also find. */
  readonly sought: Sought | null;
}

/** By the index of words, plus all jobs of the projects whose names contain one of them. */
interface SoughtCandidate extends Sought {
  readonly index: null;
  readonly projectIds: readonly string[];
}

export type Candidate = Narrowing | SoughtCandidate;

/** The possible ways, not measured yet; of two long ones the first wins, whose index is more selective. */
export function candidateWays(filter: ResolvedFilter): Candidate[] {
  const { clusters, partitions, projectIds, userIds, states, exitCodes } = filter;
  const candidates: Candidate[] = [];
  const add = (index: string, lists: Lists, rest: Partial<ResolvedFilter>) => {
    const ranges = Object.values(lists).reduce((product, list) => product * list.length, archivedValues(filter).length);
    if (ranges <= MOST_RANGES) candidates.push({ index, lists, rest: { ...filter, ...rest } });
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
  const sought = soughtCandidate(filter);
  if (sought !== null) candidates.push(sought);
  if (candidates.length === 0 || boundsSubmission(filter)) add(LISTED, {}, {});
  return candidates;
}

/**
 * Words, and those of tags, are looked up together unless a project's name contains one of them; then one word is, and all jobs of the
 * projects whose names contain it are also read. Null if the words are too short for an index.
 */
function soughtCandidate(filter: ResolvedFilter): SoughtCandidate | null {
  const indexed = filter.words.filter(({ text }) => isIndexed(text));
  const alone = indexed.filter(({ projectIds }) => projectIds.length === 0).map(({ text }) => text);
  const tags = (filter.tags ?? []).flatMap((tag) => wordsOf(searchedTag(tag))).filter(isIndexed);
  if (alone.length + tags.length > 0) {
    // The longest are in the fewest texts, as a rule. What isn't looked up is compared.
    const longest = tags.toSorted((left, right) => right.length - left.length);
    return { index: null, words: [...alone, ...longest].slice(0, MOST_SOUGHT), projectIds: [], rest: filter };
  }
  const [fewest] = indexed.toSorted((left, right) => left.projectIds.length - right.projectIds.length);
  if (fewest === undefined || fewest.projectIds.length * archivedValues(filter).length > MOST_RANGES) return null;
  return { index: null, words: [fewest.text], projectIds: fewest.projectIds, rest: filter };
}

/** `common`: words in more of a block's jobs than this are no way. */
export async function shortestWay(
  database: Database,
  filter: ResolvedFilter,
  candidates: readonly Candidate[],
  common: number,
): Promise<Way> {
  let shortest: { readonly candidate: Candidate; readonly size: number } | undefined;
  for (const candidate of candidates) {
    const isAll = candidates.length === 1 && candidate.index === LISTED;
    const size = isAll ? MANY : await sizeOf(database, candidate, common);
    if (shortest === undefined || size < shortest.size) shortest = { candidate, size };
    if (size <= FIRST_LOOK / 2) break;
  }
  if (shortest === undefined || shortest.size === Number.POSITIVE_INFINITY) {
    return { size: MANY, ranges: narrowRanges({ index: LISTED, lists: {}, rest: filter }), sought: null };
  }
  const { candidate, size } = shortest;
  if (candidate.index !== null) return { size, ranges: narrowRanges(candidate), sought: null };
  // Jobs found by the index of words, and those found by a project's name alone.
  const sought = (isAbsent: boolean): ResolvedFilter => ({
    ...candidate.rest,
    words: candidate.rest.words.map((word) =>
      candidate.words.includes(word.text) ? { text: word.text, projectIds: [], isAbsent } : word,
    ),
  });
  const ofProjects = { index: 'jobs_by_project', lists: { project_id: candidate.projectIds }, rest: sought(true) };
  return { size, ranges: narrowRanges(ofProjects), sought: { words: candidate.words, rest: sought(false) } };
}

/** For a time of starts or ends that narrows the list to fewer jobs than this. */
export function shorterByTime(
  database: Database,
  filter: ResolvedFilter,
  fewerThan: number,
): Promise<TimedJobs | null> {
  return TimedJobs.narrowest(database, filter, Math.ceil(Math.min(fewerThan, COUNTED_AT_MOST)) - 1);
}

async function sizeOf(database: Database, candidate: Candidate, common: number): Promise<number> {
  if (candidate.index !== null) return indexSize(database, candidate);
  const inText = await soughtSize(database, candidate, common);
  const { projectIds, rest } = candidate;
  if (projectIds.length === 0 || inText === Number.POSITIVE_INFINITY) return inText;
  return inText + (await indexSize(database, { index: 'jobs_by_project', lists: { project_id: projectIds }, rest }));
}

async function indexSize(database: Database, { index, lists, rest }: Narrowing): Promise<number> {
  const { submittedAfter: after, submittedBefore: before } = rest;
  const some = database
    .selectFrom(jobsBy(index))
    .select(sql<number>`1`.as('one'))
    .where('array_parent_id', 'is', null)
    .where('is_archived', 'in', archivedValues(rest))
    .where((where) => where.and(Object.entries(lists).map(([column, list]) => where(sql.ref(column), 'in', list))))
    .where((where) => {
      const bounds: Expression<SqlBool>[] = [];
      if (after !== null) bounds.push(where('submitted_at', '>=', after.getTime()));
      if (before !== null) bounds.push(where('submitted_at', '<', before.getTime()));
      return where.and(bounds);
    })
    .limit(COUNTED_AT_MOST);
  const row = await database
    .selectFrom(some.as('some'))
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return row.count < COUNTED_AT_MOST ? row.count : MANY;
}
