import type { ResolvedFilter } from '../job-filter.ts';
import { between, type Span } from './places.ts';

/** The allowed values of the archived column. */
export function archivedValues({ isArchived }: ResolvedFilter): readonly number[] {
  return isArchived === null ? [0, 1] : [isArchived ? 1 : 0];
}

export function boundsSubmission({ submittedAfter, submittedBefore }: ResolvedFilter): boolean {
  return submittedAfter !== null || submittedBefore !== null;
}

/** The filter's time of submission as places, so that an index is never bounded twice on one side. */
export function submittedWithin({ submittedAfter, submittedBefore }: ResolvedFilter, span: Span): Span {
  return between(span, submittedAfter?.getTime() ?? null, submittedBefore?.getTime() ?? null);
}

/** Whether a filter matches every job except the tasks of arrays. */
export function isOpen(filter: ResolvedFilter): boolean {
  const { words, includeArrayTasks: _, ...parts } = filter;
  return words.length === 0 && Object.values(parts).every((part) => part === null);
}
