import { isActiveState } from '../lib/job-state.ts';
import { graphql, type JobState, type ResultOf } from './graphql.ts';
import { type JobRow, jobRowFragment } from './job-row.ts';
import type { Change } from './live-list.ts';

export const jobEventsSubscription = graphql(
  `
    subscription JobEvents($filter: JobFilter, $after: String) {
      jobEvents(filter: $filter, after: $after) {
        cursor
        kind
        request
        fromState
        state
        job {
          ...JobRow
        }
      }
    }
  `,
  [jobRowFragment],
);

export type JobEvent = ResultOf<typeof jobEventsSubscription>['jobEvents'];

/**
 * Null for an event that says nothing of a job. An event that is read back brings the job as it is now, which may be
 * several events later; what it counts follows from its own states.
 */
export function toChange(
  { kind, request, job, fromState, state }: JobEvent,
  includes: (job: JobRow) => boolean,
): Change<JobRow> | null {
  if (job === null) return null;
  const includesAs = (past: JobState | null, row = job): boolean =>
    includes(past === null ? row : { ...row, state: past, isActive: isActiveState(past) });
  const wasIncluded = kind !== 'CREATED' && includesAs(fromState);
  const isIncluded = kind !== 'REMOVED' && includesAs(state);
  // No event says that it was this one by which the job was archived, or brought back.
  const other = { ...job, isArchived: !job.isArchived };
  const wasAnother = !wasIncluded && !isIncluded && (includesAs(fromState, other) || includesAs(state, other));
  // Nor does one say what its name and its tags were before, by which lists are searched.
  const isUncounted = wasAnother || request === 'UPDATE';
  return {
    id: job.id,
    item: kind === 'REMOVED' ? null : job,
    countChange: Number(isIncluded) - Number(wasIncluded),
    isUncounted,
  };
}
