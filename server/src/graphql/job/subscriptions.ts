import { GraphQLError } from 'graphql';
import { isUnanswered } from '../../clusters/index.ts';
import { isArray, type Job } from '../../domain/job.ts';
import type { JobEvent } from '../../domain/job-event.ts';
import { type JobFilter, matchesFilter } from '../../domain/job-filter.ts';
import { isActiveState } from '../../domain/job-state.ts';
import type { LogChunk } from '../../domain/log-chunk.ts';
import { followLog } from '../../logs/index.ts';
import { builder } from '../builder.ts';
import type { GraphQLContext } from '../context.ts';
import { fault, withCursorFaults } from '../faults.ts';
import { localId } from '../ids.ts';
import { type Feed, type FeedEntry, FeedStream } from '../live/feed.ts';
import { untilReturned } from '../stream.ts';
import { JobEventRef, type ToldEvent, tell } from './events.ts';
import { JobFilterInput, toJobFilter } from './filter.ts';
import { eventCursor, sequenceOf } from './list.ts';
import { LogChunkRef, LogStreamRef } from './log.ts';
import { JobRef } from './ref.ts';

builder.subscriptionField('jobStatus', (t) =>
  t.field({
    type: JobRef,
    description: 'A job as it is now, then at every change; completes once it is over.',
    args: { id: t.arg.id({ required: true, description: 'The id of a job, an array, or a task.' }) },
    subscribe: async (_root, { id }, context) => {
      const job = await existingJob(id, context);
      return new FeedStream(jobStatusFeed(job, context));
    },
    resolve: (job) => job,
  }),
);

builder.subscriptionField('jobEvents', (t) =>
  t.field({
    type: JobEventRef,
    description:
      'Every change of every job that passes the filter, in the order of their commits. With `after` it first replays ' +
      'what came since that event; without, it starts at now.',
    args: {
      filter: t.arg({
        type: JobFilterInput,
        description: 'Changes of which jobs. Default: of all that are not archived.',
      }),
      after: t.arg.string({ description: 'The cursor of the last event received.' }),
    },
    subscribe: async (_root, { filter, after }, context) => {
      const start = after == null ? null : await withCursorFaults('after', async () => sequenceOf(after));
      return new FeedStream(jobEventsFeed(start, toJobFilter(filter), context));
    },
    resolve: (event) => event,
  }),
);

builder.subscriptionField('logTail', (t) =>
  t.field({
    type: LogChunkRef,
    description:
      "The bytes of a job's log from `after` to the end, then as they come; completes once the job is over and the file " +
      'has been read to its end. An array has no log: its tasks do.',
    args: {
      jobId: t.arg.id({ required: true, description: 'The id of a job or a task.' }),
      stream: t.arg({ type: LogStreamRef, defaultValue: 'STDOUT', description: 'Which of the two files.' }),
      after: t.arg({
        type: 'SafeInt',
        defaultValue: 0,
        description:
          'In bytes from the beginning; -N begins N bytes before the end. Behind the end, the file counts as cut while the ' +
          'job runs, and starts over; once the job is over, nothing follows.',
      }),
    },
    subscribe: async (_root, { jobId, stream, after }, context) => {
      const job = await existingJob(jobId, context);
      if (isArray(job)) throw fault('BAD_USER_INPUT', 'jobId: an array has no log of its own: follow one of its tasks');
      const cluster = context.clusters.get(job.clusterName);
      if (cluster === null) throw fault('CLUSTER_UNAVAILABLE', `${job.clusterName} is no longer in clusters.yaml`);
      return untilReturned(
        (signal): AsyncGenerator<LogChunk | GraphQLError, void, undefined> =>
          withLogFaults(
            followLog({
              stream: stream ?? 'STDOUT',
              after: after ?? 0,
              signal,
              seat: () => context.seats?.take(job.clusterName, signal) ?? null,
              files: context.clusters.files(job.clusterName),
              watches: context.watches,
              // Asked at every look at the file: while it is active, memory knows.
              job: async () =>
                context.journal.active(job.clusterName).get(job.id) ?? (await context.store.jobs.get(job.id)) ?? job,
            }),
          ),
      );
    },
    resolve: (chunk) => {
      if (chunk instanceof GraphQLError) throw chunk;
      return chunk;
    },
  }),
);

/**
 * The cluster's own refusal as the last event, for this follower alone: what a stream throws ends the whole connection,
 * with all else that the client follows over it.
 */
async function* withLogFaults(
  chunks: AsyncGenerator<LogChunk, void, undefined>,
): AsyncGenerator<LogChunk | GraphQLError, void, undefined> {
  try {
    yield* chunks;
  } catch (cause) {
    if (!isUnanswered(cause)) throw cause;
    yield fault('CLUSTER_UNAVAILABLE', `The log can't be read: ${cause.message}`);
  }
}

async function existingJob(globalId: string, { store }: GraphQLContext): Promise<Job> {
  const job = await store.jobs.get(localId(globalId, 'Job'));
  if (job === null) throw fault('NOT_FOUND', 'There is no such job');
  return job;
}

/** The job as it is, then each of its changes up to its end. */
function jobStatusFeed({ id, clusterName }: Job, { store, journal }: GraphQLContext): Feed<Job> {
  return {
    newest: () => journal.newest,
    async open() {
      for (;;) {
        const stored = await store.jobs.get(id);
        // In one step with the position, so that no change falls between the two or is told twice.
        const active = journal.active(clusterName).get(id);
        const position = journal.newest;
        if (active !== undefined) return { first: [active], position, isOver: false };
        if (stored === null) return { first: [], position, isOver: true };
        if (!isActiveState(stored.state)) return { first: [stored], position, isOver: true };
        // Its end was written while it was read.
      }
    },
    async *follow(after, signal) {
      for await (const followed of journal.follow(after, signal)) {
        const { upTo } = followed;
        const missed = followed.kind === 'reset' ? await store.jobs.get(id) : null;
        const entries: FeedEntry<Job>[] =
          followed.kind === 'events'
            ? followed.events
                .filter((event) => event.jobId === id)
                .map(({ sequence, job }) => ({ position: sequence, value: job }))
            : missed === null
              ? []
              : [{ position: upTo, value: missed, isOwn: true }];
        const end = entries.findIndex(({ value }) => !isActiveState(value.state));
        yield { upTo, entries: end === -1 ? entries : entries.slice(0, end + 1) };
        if (end !== -1) return;
      }
    },
  };
}

/** `start`: the event after which it begins; null: now. */
function jobEventsFeed(start: number | null, filter: JobFilter, { journal, store }: GraphQLContext): Feed<ToldEvent> {
  return {
    newest: () => journal.newest,
    open: async () => {
      // From a place that never was, as a database has it that was put back from a backup, it begins with a reset.
      const isUnknown = start !== null && start > journal.newest;
      return { first: [], position: isUnknown ? Number.NEGATIVE_INFINITY : (start ?? journal.newest), isOver: false };
    },
    async *follow(after, signal) {
      for await (const followed of journal.follow(after, signal)) {
        const { upTo } = followed;
        const entries: FeedEntry<ToldEvent>[] = [];
        if (followed.kind === 'reset') entries.push({ position: upTo, value: resetAt(upTo), isOwn: true });
        else {
          for (const event of followed.events) {
            const { projectId } = event.job;
            // Only a search looks at the project's name. Read without the loaders: the feed outlives whoever asked first.
            const project = filter.search === null || projectId === null ? null : await store.projects.get(projectId);
            const told = throughFilter(event, project?.name ?? null, filter);
            if (told !== null) entries.push({ position: event.sequence, value: told });
          }
        }
        yield { upTo, entries };
      }
    },
  };
}

const NOTHING = { kind: 'RESET', job: null, fromState: null, state: null, message: null, actorId: null } as const;

function resetAt(sequence: number): ToldEvent {
  return { ...NOTHING, cursor: eventCursor(sequence), at: new Date() };
}

/** The event as this filter shows it: a job that has just stopped matching is told of once more. */
function throughFilter(event: JobEvent, projectName: string | null, filter: JobFilter): ToldEvent | null {
  // Read back from the store, the job is as it is now; its state goes with the event.
  const { state, fromState, changedFrom } = event;
  const after = { ...event.job, state };
  if (matchesFilter(after, projectName, filter)) return tell(event);
  if (event.kind === 'CREATED') return null;
  const before = { ...after, state: fromState ?? state, ...changedFrom };
  return matchesFilter(before, projectName, filter) ? { ...tell(event), kind: 'REMOVED' } : null;
}
