import type { Job } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-event.ts';
import { type JobFilter, matchesFilter } from '../domain/job-filter.ts';
import type { JobState } from '../domain/job-state.ts';
import { TURNS } from '../turns/index.ts';
import type { Feed, FeedEntry } from './feed.ts';
import type { FeedSources } from './sources.ts';

/** An event as a filter shows it. */
export interface ToldEvent
  extends Pick<JobEvent, 'sequence' | 'kind' | 'at' | 'fromState' | 'message' | 'request' | 'actorId'> {
  /** Null, like `state`: the kind is RESET. */
  readonly job: Job | null;
  readonly state: JobState | null;
}

/**
 * The changes of jobs that match a filter. A job that stops matching gets one more event, REMOVED; a RESET replaces
 * events that are no longer kept.
 *
 * `start`: the event after which it begins; null: now.
 */
export function jobEventsFeed(
  start: number | null,
  filter: JobFilter,
  { journal, reads, account }: Pick<FeedSources, 'reads' | 'journal' | 'account'>,
): Feed<ToldEvent> {
  return {
    newest: () => journal.newest,
    open: async () => {
      // A position that never existed, as after a database was restored from a backup, begins with a reset.
      const isUnknown = start !== null && start > journal.newest;
      return { first: [], position: isUnknown ? Number.NEGATIVE_INFINITY : (start ?? journal.newest), isOver: false };
    },
    async *follow(after, signal) {
      for await (const followed of journal.follow(after, signal, { reads, account })) {
        const { upTo } = followed;
        const entries: FeedEntry<ToldEvent>[] = [];
        if (followed.kind === 'reset') entries.push({ position: upTo, value: resetAt(upTo), isOwn: true });
        else {
          for (const event of followed.events) {
            const { projectId } = event.job;
            // Only a search needs the project's name. Read without the loaders: the feed outlives its first reader.
            const project = filter.search === null || projectId === null ? null : await reads.projects.get(projectId);
            // One event wakes thousands of readers, and a search takes time.
            const turn = TURNS.pass('new', account());
            if (turn !== undefined) await turn;
            if (signal.aborted) return;
            const told = throughFilter(event, project?.name ?? null, filter);
            if (told !== null) entries.push({ position: event.sequence, value: told });
          }
        }
        yield { upTo, entries };
      }
    },
  };
}

const NOTHING = {
  kind: 'RESET',
  job: null,
  fromState: null,
  state: null,
  message: null,
  request: null,
  actorId: null,
} as const;

function resetAt(sequence: number): ToldEvent {
  return { ...NOTHING, sequence, at: new Date() };
}

/** The event as this filter shows it, REMOVED for a job that has just stopped matching; null: not shown. */
function throughFilter(event: JobEvent, projectName: string | null, filter: JobFilter): ToldEvent | null {
  // Read from the store, the job is as it is now; the event has its own state.
  const { state, fromState, changedFrom } = event;
  const after = { ...event.job, state };
  if (matchesFilter(after, projectName, filter)) return event;
  if (event.kind === 'CREATED') return null;
  const before = { ...after, state: fromState ?? state, ...changedFrom };
  return matchesFilter(before, projectName, filter) ? { ...event, kind: 'REMOVED' } : null;
}
