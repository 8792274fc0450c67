import type { VariablesOf } from '../../graphql/graphql.ts';
import type { JobRow } from '../../graphql/job-row.ts';
import { FAILED_STATES, JOB_STATES } from '../../lib/job-state.ts';
import type { jobsQuery } from './operations.ts';

export const STATE_GROUPS = ['all', 'active', 'finished', 'failed', 'archived'] as const;
export type StateGroup = (typeof STATE_GROUPS)[number];

export const SORT_FIELDS = ['submitted', 'name', 'elapsed'] as const;
export type SortField = (typeof SORT_FIELDS)[number];

/** What the address says of the list: which jobs, and in what order. */
export interface JobsFilter {
  readonly search: string;
  readonly group: StateGroup;
  readonly cluster: string;
  /** A project's id. */
  readonly project: string;
  /** A job has to have all of them. */
  readonly tags: readonly string[];
  readonly sort: SortField;
  readonly isDescending: boolean;
}

/** The address's parameters; absent where the default holds, so that the plain list has a plain address. */
export type JobsParameters = Partial<Record<'q' | 'state' | 'cluster' | 'project' | 'sort', string>> & {
  /** Several where the address has it several times. */
  readonly tag?: string | string[];
};

const DEFAULT_SORT = '-submitted';

export function readFilter(parameters: JobsParameters): JobsFilter {
  const sort = parameters.sort ?? DEFAULT_SORT;
  return {
    search: parameters.q ?? '',
    group: STATE_GROUPS.find((group) => group === parameters.state) ?? 'all',
    cluster: parameters.cluster ?? '',
    project: parameters.project ?? '',
    tags: [parameters.tag ?? []].flat().filter((tag) => tag !== ''),
    sort: SORT_FIELDS.find((field) => field === sort.replace('-', '')) ?? 'submitted',
    isDescending: sort.startsWith('-'),
  };
}

/** The parameter for the order that a click on a column's head asks for: the other way round, or its natural one. */
export function nextSort(filter: JobsFilter, field: SortField): string | undefined {
  const isDescending = filter.sort === field ? !filter.isDescending : field !== 'name';
  const sort = `${isDescending ? '-' : ''}${field}`;
  return sort === DEFAULT_SORT ? undefined : sort;
}

/** The parts of a list that are shown one under the other: what is active stands first, in every order. */
export type SectionName = 'active' | 'finished';

export function sectionsOf(group: StateGroup): readonly SectionName[] {
  switch (group) {
    case 'all':
    case 'archived':
      return ['active', 'finished'];
    case 'active':
      return ['active'];
    case 'finished':
    case 'failed':
      return ['finished'];
  }
}

const ORDER_FIELDS = { submitted: 'SUBMITTED_AT', name: 'NAME', elapsed: 'ELAPSED' } as const;

export function toVariables(filter: JobsFilter, section: SectionName): Omit<VariablesOf<typeof jobsQuery>, 'after'> {
  return {
    filter: {
      isActive: section === 'active',
      ...(filter.group === 'failed' && { states: [...FAILED_STATES] }),
      ...(filter.group === 'archived' && { isArchived: true }),
      ...(filter.search !== '' && { search: filter.search }),
      ...(filter.cluster !== '' && { clusters: [filter.cluster] }),
      ...(filter.project !== '' && { projects: [filter.project] }),
      ...(filter.tags.length > 0 && { tags: [...filter.tags] }),
    },
    orderBy: { field: ORDER_FIELDS[filter.sort], direction: filter.isDescending ? 'DESC' : 'ASC' },
  };
}

/** Whether a job belongs to a section: the same rule as the server applies to `toVariables`. */
export function includesJob(filter: JobsFilter, section: SectionName, job: JobRow): boolean {
  return (
    job.isActive === (section === 'active') &&
    job.isArchived === (filter.group === 'archived') &&
    job.arrayTaskId === null &&
    (filter.group !== 'failed' || JOB_STATES[job.state].isFailure) &&
    (filter.cluster === '' || job.cluster.name === filter.cluster) &&
    (filter.project === '' || job.project?.id === filter.project) &&
    filter.tags.every((tag) => job.tags.includes(tag)) &&
    hasWords(job, filter.search)
  );
}

/** The server uses no more words of a search, and no more characters of a word. */
const MAX_SEARCH_WORDS = 16;
const MAX_WORD_LENGTH = 1_000;

function searchWords(search: string): readonly string[] {
  const words = search.match(/\S+/g) ?? [];
  return words.slice(0, MAX_SEARCH_WORDS).map((word) => word.toLowerCase().slice(0, MAX_WORD_LENGTH));
}

function hasWords(job: JobRow, search: string): boolean {
  const texts = [
    job.name,
    job.command,
    job.slurmJobId,
    job.gitCommit,
    job.project?.name,
    ...job.tags.map((tag) => `#${tag}`),
  ]
    .filter((text) => typeof text === 'string')
    .map((text) => text.toLowerCase());
  return searchWords(search).every((word) => texts.some((text) => text.includes(word)));
}

/** The server's order; equal ones stand in the order in which they were recorded. */
export function compareJobs(filter: JobsFilter, left: JobRow, right: JobRow): number {
  const order = compareBy(filter.sort, left, right) || (left.number ?? 0) - (right.number ?? 0);
  return filter.isDescending ? -order : order;
}

function compareBy(field: SortField, left: JobRow, right: JobRow): number {
  switch (field) {
    case 'submitted':
      return Date.parse(left.submittedAt) - Date.parse(right.submittedAt);
    case 'name':
      return compareText(left.name, right.name);
    case 'elapsed':
      return elapsed(left) - elapsed(right);
  }
}

/** Of two jobs that run, the one that started first stays ahead, whatever the time is. */
function elapsed({ startedAt, endedAt }: JobRow): number {
  if (startedAt === null) return -1;
  return (endedAt === null ? Date.now() : Date.parse(endedAt)) - Date.parse(startedAt);
}

/** By code points, as the server does: JavaScript's own order puts emoji before some of the letters that come first. */
function compareText(left: string, right: string): number {
  const [leftPoints, rightPoints] = [[...left], [...right]];
  const index = leftPoints.findIndex((point, at) => point !== rightPoints[at]);
  if (index === -1) return leftPoints.length - rightPoints.length;
  return (leftPoints[index]?.codePointAt(0) ?? 0) - (rightPoints[index]?.codePointAt(0) ?? -1);
}
