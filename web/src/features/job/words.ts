import type { JobRequest } from '../../graphql/graphql.ts';
import { JOB_STATES } from '../../lib/job-state.ts';
import type { TimelineEvent } from './operations.ts';

/** What somebody did, of what changes no state by itself: what came of a request is an event of its own. */
const REQUESTS = {
  CANCEL: 'Cancel requested',
  HOLD: 'Hold requested',
  RELEASE: 'Release requested',
  REQUEUE: 'Requeue requested',
  UPDATE: 'Edited',
  ARCHIVE: 'Archived',
  UNARCHIVE: 'Unarchived',
} as const satisfies Record<JobRequest, string>;

/** An update without words, which nobody asked for, changed a detail that the facts show already. */
export function isWorthTelling({
  kind,
  message,
  request,
}: Pick<TimelineEvent, 'kind' | 'message' | 'request'>): boolean {
  return kind === 'CREATED' || kind === 'STATE_CHANGED' || request !== null || (message !== null && message !== '');
}

/** What happened, in a few words, before "by" and who asked for it. */
export function titleOf({ kind, state, request }: Pick<TimelineEvent, 'kind' | 'state' | 'request'>): string {
  if (kind === 'CREATED') return 'Submitted';
  if (kind === 'STATE_CHANGED' && state !== null) return JOB_STATES[state].label;
  return request === null ? 'Updated' : REQUESTS[request];
}
