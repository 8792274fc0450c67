import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { JobFilter } from '../domain/job-filter.ts';
import { ACTIVE_JOB_STATES, JOB_STATES, type JobState } from '../domain/job-state.ts';
import type { Database } from './database.ts';
import { projectsHolding } from './project-texts.ts';
import { wordsOf } from './search.ts';
import { holdsEntry, holdsWord, IS_EARLY, isAmong, jobsBy, MOST_EARLY_MS } from './sqlite/index.ts';
import type { Tables } from './tables.ts';

/** A word of a search, and the projects whose names contain it: all their jobs match it. */
export interface SoughtWord {
  readonly text: string;
  readonly projectIds: readonly string[];
  /** Finds jobs whose text doesn't contain it. */
  readonly isAbsent?: boolean;
}

/** A filter with everything resolved that doesn't depend on jobs. */
export interface ResolvedFilter extends Omit<JobFilter, 'search'> {
  readonly words: readonly SoughtWord[];
}

/** Null: no job can match. */
export async function resolveFilter(database: Database, filter: JobFilter): Promise<ResolvedFilter | null> {
  const { search, ...rest } = filter;
  const ids = filter.ids === null ? null : [...new Set(filter.ids)];
  const states = possibleStates(filter);
  const lists = [
    filter.ids,
    states,
    filter.clusters,
    filter.projectIds,
    filter.userIds,
    filter.partitions,
    filter.exitCodes,
  ];
  if (lists.some((list) => list?.length === 0)) return null;
  const submittedBefore = await latestSubmission(database, filter);
  const times = [
    [filter.submittedAfter, submittedBefore],
    [filter.startedAfter, filter.startedBefore],
    [filter.endedAfter, filter.endedBefore],
  ] as const;
  if (times.some(([after, before]) => after !== null && before !== null && after >= before)) return null;
  const words = await soughtWords(database, [...new Set(wordsOf(search))]);
  // Nearly all jobs are inactive, so a list of states would not narrow the search.
  const isActive = filter.states === null && filter.isActive === false ? false : null;
  return { ...rest, ids, submittedBefore, states: isActive === null ? states : null, isActive, words };
}

/**
 * What has started or ended before some time was submitted before it, so a list in the order of submissions can begin there
 * instead of at its end. Null: at any time.
 */
async function latestSubmission(database: Database, filter: JobFilter): Promise<Date | null> {
  const { submittedBefore, startedBefore, endedBefore } = filter;
  const bounds = [startedBefore, endedBefore].flatMap((time) => (time === null ? [] : time.getTime() + MOST_EARLY_MS));
  const latest = Math.min(...bounds);
  if (bounds.length === 0 || (submittedBefore !== null && submittedBefore.getTime() <= latest)) return submittedBefore;
  const early = database.selectFrom(jobsBy('jobs_before_submission')).select('number').where(IS_EARLY).limit(1);
  return (await early.executeTakeFirst()) === undefined ? new Date(latest) : submittedBefore;
}

async function soughtWords(database: Database, words: readonly string[]): Promise<readonly SoughtWord[]> {
  const projectIds = new Map(words.map((word) => [word, [] as string[]]));
  for await (const projects of projectsHolding(database, ['name'], words)) {
    for (const { id, words: held } of projects) for (const word of held) projectIds.get(word)?.push(id);
  }
  return [...projectIds].map(([text, ids]) => ({ text, projectIds: ids }));
}

/** Null: any. */
function possibleStates({ states, isActive }: JobFilter): readonly JobState[] | null {
  if (isActive === null) return states === null ? null : [...new Set(states)];
  const active: readonly JobState[] = ACTIVE_JOB_STATES;
  return JOB_STATES.filter(
    (state) => active.includes(state) === isActive && (states === null || states.includes(state)),
  );
}

/** Whether a word is in the text of a job. That of a task lacks its words, which only its array has. */
function isInTextOf(word: string, includeArrayTasks: boolean): Expression<SqlBool> {
  const isInOwn = holdsWord(sql.ref<string>('jobs.search_text'), word);
  if (!includeArrayTasks) return isInOwn;
  const isInArray = holdsWord(sql.ref<string>('arrays.search_text'), word);
  return sql<SqlBool>`(${isInOwn} or exists (
    select 1 from jobs as arrays where arrays.id = jobs.array_parent_id and ${isInArray}))`;
}

/** Whether the list of a job's tags, which a task has of its array, holds one. */
function hasTag(tag: string, includeArrayTasks: boolean): Expression<SqlBool> {
  const isOwn = holdsEntry(sql.ref('jobs.tags'), tag);
  if (!includeArrayTasks) return isOwn;
  return sql<SqlBool>`(${isOwn} or exists (
    select 1 from jobs as arrays where arrays.id = jobs.array_parent_id and ${holdsEntry(sql.ref('arrays.tags'), tag)}))`;
}

/** The bytes that are compared with the words and the tags of a filter, each of them, of one row of `jobs`; null: none. */
export function comparedBytes({ words, tags, includeArrayTasks }: ResolvedFilter): Expression<number> | null {
  const wanted = [words.length, tags?.length ?? 0] as const;
  if (wanted[0] + wanted[1] === 0) return null;
  const of = (table: 'jobs' | 'arrays') =>
    sql<number>`${sql.lit(wanted[0])} * octet_length(${sql.ref(`${table}.search_text`)})
      + ${sql.lit(wanted[1])} * coalesce(octet_length(${sql.ref(`${table}.tags`)}), 0)`;
  if (!includeArrayTasks) return of('jobs');
  return sql<number>`${of('jobs')} + coalesce((
    select ${of('arrays')} from jobs as arrays where arrays.id = jobs.array_parent_id), 0)`;
}

/** The filter in SQL, for queries on `jobs`. */
export function jobsMatching(where: ExpressionBuilder<Tables, 'jobs'>, filter: ResolvedFilter): Expression<SqlBool> {
  const conditions: Expression<SqlBool>[] = [];
  if (!filter.includeArrayTasks) conditions.push(where('array_parent_id', 'is', null));
  if (filter.isActive !== null) conditions.push(where('is_active', '=', filter.isActive ? 1 : 0));
  if (filter.isArchived !== null) conditions.push(where('is_archived', '=', filter.isArchived ? 1 : 0));
  const times = [
    ['submitted_at', filter.submittedAfter, filter.submittedBefore],
    ['started_at', filter.startedAfter, filter.startedBefore],
    ['ended_at', filter.endedAfter, filter.endedBefore],
  ] as const;
  for (const [column, after, before] of times) {
    if (after !== null) conditions.push(where(column, '>=', after.getTime()));
    if (before !== null) conditions.push(where(column, '<', before.getTime()));
  }
  if (filter.ids !== null) conditions.push(isAmong(sql.ref('id'), filter.ids));
  if (filter.exitCodes !== null) conditions.push(isAmong(sql.ref('exit_code'), filter.exitCodes));
  if (filter.clusters !== null) conditions.push(isAmong(sql.ref('cluster_name'), filter.clusters));
  if (filter.partitions !== null) conditions.push(isAmong(sql.ref('partition'), filter.partitions));
  if (filter.userIds !== null) conditions.push(isAmong(sql.ref('submitted_by'), filter.userIds));
  if (filter.projectIds !== null) conditions.push(isAmong(sql.ref('project_id'), filter.projectIds));
  if (filter.states !== null) conditions.push(where('state', 'in', filter.states));
  for (const tag of filter.tags ?? []) conditions.push(hasTag(tag, filter.includeArrayTasks));
  for (const { text, projectIds, isAbsent } of filter.words) {
    const isInText = isInTextOf(text, filter.includeArrayTasks);
    if (isAbsent === true) conditions.push(where.not(isInText));
    else if (projectIds.length === 0) conditions.push(isInText);
    else conditions.push(where.or([isAmong(sql.ref('project_id'), projectIds), isInText]));
  }
  return where.and(conditions);
}
