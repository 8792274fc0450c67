import { isDeepStrictEqual } from 'node:util';
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
import { fault, withCursorFaults } from '../errors.ts';
import { localId } from '../ids.ts';
import { untilReturned } from '../stream.ts';
import { JobEventRef, type ToldEvent, tell } from './events.ts';
import { JobFilterInput, toJobFilter } from './filter.ts';
import { eventCursor, sequenceOf } from './list.ts';
import { JobRef, LogChunkRef, LogStreamRef } from './types.ts';

builder.subscriptionField('jobStatus', (t) =>
  t.field({
    type: JobRef,
    description: 'A job as it is now, then at every change; completes once it is over.',
    args: { id: t.arg.id({ required: true }) },
    subscribe: async (_root, { id }, context) => {
      const job = await existingJob(id, context);
      return untilReturned((signal) => jobStatus(job.id, context, signal));
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
      filter: t.arg({ type: JobFilterInput }),
      after: t.arg.string({ description: 'The cursor of the last event received.' }),
    },
    subscribe: async (_root, { filter, after }, context) => {
      const start = after == null ? context.journal.newest : await withCursorFaults(async () => sequenceOf(after));
      return untilReturned((signal) => jobEvents(start, toJobFilter(filter), context, signal));
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
      jobId: t.arg.id({ required: true }),
      stream: t.arg({ type: LogStreamRef, defaultValue: 'STDOUT' }),
      after: t.arg({
        type: 'SafeInt',
        defaultValue: 0,
        description: 'In bytes from the beginning; -N begins N bytes before the end.',
      }),
    },
    subscribe: async (_root, { jobId, stream, after }, context) => {
      const job = await existingJob(jobId, context);
      if (isArray(job)) throw fault('BAD_USER_INPUT', 'An array has no log of its own: follow one of its tasks');
      const cluster = context.clusters.get(job.clusterName);
      if (cluster === null) throw fault('CLUSTER_UNAVAILABLE', `${job.clusterName} is no longer in clusters.yaml`);
      return untilReturned(
        (signal): AsyncGenerator<LogChunk | GraphQLError, void, undefined> =>
          withLogFaults(
            followLog({
              stream: stream ?? 'STDOUT',
              after: after ?? 0,
              signal,
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

async function* jobStatus(
  jobId: string,
  { store, journal }: GraphQLContext,
  signal: AbortSignal,
): AsyncGenerator<Job, void, undefined> {
  // Taken before the job is read, so that no change falls between the two.
  const start = journal.newest;
  const current = await store.jobs.get(jobId);
  const read = journal.newest;
  if (current === null) return;
  yield current;
  if (!isActiveState(current.state)) return;
  for await (const followed of journal.follow(start, signal)) {
    const jobs =
      followed.kind === 'reset'
        ? [(await store.jobs.get(jobId)) ?? current]
        : followed.events
            // What was committed while the job was being read may be part of it already.
            .filter(({ sequence, job }) => job.id === jobId && (sequence > read || !isDeepStrictEqual(job, current)))
            .map(({ job }) => job);
    for (const job of jobs) {
      yield job;
      if (!isActiveState(job.state)) return;
    }
  }
}

async function* jobEvents(
  start: number,
  filter: JobFilter,
  { journal, loaders }: GraphQLContext,
  signal: AbortSignal,
): AsyncGenerator<ToldEvent, void, undefined> {
  for await (const followed of journal.follow(start, signal)) {
    if (followed.kind === 'reset') {
      const cursor = eventCursor(journal.newest);
      yield { cursor, kind: 'RESET', at: new Date(), job: null, fromState: null, state: null, message: null };
      continue;
    }
    for (const event of followed.events) {
      const { projectId } = event.job;
      // Only a search looks at the project's name.
      const project = filter.search === null || projectId === null ? null : await loaders.project.load(projectId);
      const told = throughFilter(event, project?.name ?? null, filter);
      if (told !== null) yield told;
    }
  }
}

/** The event as this filter shows it: a job that has just stopped matching is told of once more. */
function throughFilter(event: JobEvent, projectName: string | null, filter: JobFilter): ToldEvent | null {
  if (matchesFilter(event.job, projectName, filter)) return tell(event);
  const matchedBefore =
    event.kind === 'STATE_CHANGED' &&
    event.fromState !== null &&
    matchesFilter({ ...event.job, state: event.fromState }, projectName, filter);
  return matchedBefore ? { ...tell(event), kind: 'REMOVED' } : null;
}
