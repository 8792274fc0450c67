import { finderOf } from './holds.ts';
import type { Job } from './job.ts';
import { isActiveState, type JobState } from './job-state.ts';

/** Selects jobs. A part that is null selects every job. */
export interface JobFilter {
  readonly ids: readonly string[] | null;
  /** Words that must all occur in name, command, Slurm id, commit, project's name or tags, which begin with "#" there. */
  readonly search: string | null;
  readonly states: readonly JobState[] | null;
  readonly isActive: boolean | null;
  readonly isArchived: boolean | null;
  readonly clusters: readonly string[] | null;
  readonly projectIds: readonly string[] | null;
  readonly userIds: readonly string[] | null;
  readonly partitions: readonly string[] | null;
  readonly submittedAfter: Date | null;
  readonly submittedBefore: Date | null;
  readonly exitCodes: readonly number[] | null;
  /** A job has to have all of these. */
  readonly tags: readonly string[] | null;
  /** A job that has not started, or not ended, matches none of these. */
  readonly startedAfter: Date | null;
  readonly startedBefore: Date | null;
  readonly endedAfter: Date | null;
  readonly endedBefore: Date | null;
  /** False: an array counts as one job. */
  readonly includeArrayTasks: boolean;
}

export const JOB_ORDER_FIELDS = ['SUBMITTED_AT', 'STARTED_AT', 'ENDED_AT', 'NAME', 'STATE', 'ELAPSED'] as const;
export type JobOrderField = (typeof JOB_ORDER_FIELDS)[number];

export interface JobOrder {
  readonly field: JobOrderField;
  readonly direction: 'ASC' | 'DESC';
}

export const MAX_SEARCH_WORDS = 16;
/** Only the beginning of a longer word is used. */
export const MAX_WORD_LENGTH = 1000;

/** A tag as a search finds it: "#baseline" finds it alone, "base" too. */
export function searchedTag(tag: string): string {
  return `#${tag}`.toLowerCase();
}

/** The words of a search, in lower case. */
export function searchWords(search: string): string[] {
  const words = search.matchAll(/\S+/g).take(MAX_SEARCH_WORDS);
  return [...words].map(([word]) => word.toLowerCase().slice(0, MAX_WORD_LENGTH));
}

/** The same search without what it passes over: it is looked at with each event. */
export function shortSearch(search: string): string {
  return searchWords(search).join(' ');
}

/** The same verdict on one job in memory that `store/job-filter.ts` gives in SQL. */
export function matchesFilter(job: Job, projectName: string | null, filter: JobFilter): boolean {
  const among = <T>(allowed: readonly T[] | null, value: T | null) =>
    allowed === null || (value !== null && allowed.includes(value));
  if (!filter.includeArrayTasks && job.arrayParentId !== null) return false;
  if (!among(filter.ids, job.id)) return false;
  if (!among(filter.states, job.state)) return false;
  if (filter.isActive !== null && filter.isActive !== isActiveState(job.state)) return false;
  if (filter.isArchived !== null && filter.isArchived !== job.isArchived) return false;
  if (!among(filter.clusters, job.clusterName)) return false;
  if (!among(filter.projectIds, job.projectId)) return false;
  if (!among(filter.userIds, job.submittedBy)) return false;
  if (!among(filter.partitions, job.partition)) return false;
  if (!among(filter.exitCodes, job.exitCode)) return false;
  if (filter.tags?.every((tag) => job.tags.includes(tag)) === false) return false;
  if (!isWithin(job.submittedAt, filter.submittedAfter, filter.submittedBefore)) return false;
  if (!isWithin(job.startedAt, filter.startedAfter, filter.startedBefore)) return false;
  if (!isWithin(job.endedAt, filter.endedAfter, filter.endedBefore)) return false;
  if (filter.search === null) return true;
  const texts = [job.name, job.command, job.slurmJobId, job.gitCommit, projectName].map(
    (text) => text?.toLowerCase() ?? '',
  );
  texts.push(...job.tags.map(searchedTag));
  return findersOf(filter, filter.search).every((find) => texts.some(find));
}

const finders = new WeakMap<JobFilter, readonly ((text: string) => boolean)[]>();

/** A subscription looks at each event through the same filter. */
function findersOf(filter: JobFilter, search: string): readonly ((text: string) => boolean)[] {
  const known = finders.get(filter);
  if (known !== undefined) return known;
  const made = searchWords(search).map(finderOf);
  finders.set(filter, made);
  return made;
}

/** From the first instant on, and before the last one; what has no time is in every time that isn't bounded. */
function isWithin(at: Date | null, after: Date | null, before: Date | null): boolean {
  if (after === null && before === null) return true;
  return at !== null && (after === null || at >= after) && (before === null || at < before);
}
