import { GraphQLError } from 'graphql';
import { isUnanswered } from '../../clusters/index.ts';
import { isArray, type Job } from '../../domain/job.ts';
import type { LogChunk } from '../../domain/log-chunk.ts';
import { jobEventsFeed, jobStatusFeed, logTail } from '../../feeds/index.ts';
import { builder } from '../builder.ts';
import { feedSources, type GraphQLContext } from '../context.ts';
import { fault, withCursorFaults } from '../faults.ts';
import { localId } from '../ids.ts';
import { FeedStream } from '../live/feed-stream.ts';
import { untilReturned } from '../stream.ts';
import { JobEventRef } from './events.ts';
import { JobFilterInput, toJobFilter } from './filter.ts';
import { sequenceOf } from './list.ts';
import { LogChunkRef, LogStreamRef } from './log.ts';
import { JobRef } from './ref.ts';

builder.subscriptionField('jobStatus', (t) =>
  t.field({
    type: JobRef,
    description: 'Sends a job as it is now, then after every change. Completes once the job is over.',
    args: { id: t.arg.id({ required: true, description: 'The id of a job, an array, or a task.' }) },
    subscribe: async (_root, args, context) => {
      // Only what names it: the rest may be long, and a subscription lasts.
      const { id, clusterName, arrayParentId } = await existingJob(args.id, context);
      const job = { id, clusterName, arrayParentId };
      return new FeedStream((account) => jobStatusFeed(job, feedSources(context, account)), context.account);
    },
    resolve: (job) => job,
  }),
);

builder.subscriptionField('jobEvents', (t) =>
  t.field({
    type: JobEventRef,
    description:
      'Every change of every job that passes the filter, in commit order. With `after`, first replays ' +
      'all changes since that event. Without it, starts now. An event of nothing but a new `estimatedStartAt` is not ' +
      'replayed if a newer event of its job is; of tasks, it is an event of their array.',
    args: {
      filter: t.arg({
        type: JobFilterInput,
        description: 'The jobs to follow. Default: all that are not archived.',
      }),
      after: t.arg.string({ description: 'The cursor of the last event received.' }),
    },
    subscribe: async (_root, { filter, after }, context) => {
      const start = after == null ? null : await withCursorFaults('after', async () => sequenceOf(after));
      const wanted = toJobFilter(filter);
      return new FeedStream((account) => jobEventsFeed(start, wanted, feedSources(context, account)), context.account);
    },
    resolve: (event) => event,
  }),
);

builder.subscriptionField('logTail', (t) =>
  t.field({
    type: LogChunkRef,
    description:
      "Sends a job's log from `after` to its end, then new text as it is written. Completes once the job is over and the file " +
      'has been read to its end. An array has no log; its tasks have.',
    args: {
      jobId: t.arg.id({ required: true, description: 'The id of a job or a task.' }),
      stream: t.arg({ type: LogStreamRef, defaultValue: 'STDOUT', description: 'Standard output or standard error.' }),
      after: t.arg({
        type: 'SafeInt',
        defaultValue: 0,
        description:
          'Offset in bytes; -N begins N bytes before the end. If it lies beyond the end: while the job runs, the file counts as ' +
          'truncated, and the log starts from the beginning; once the job is over, nothing is sent.',
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
            logTail(
              job,
              {
                stream: stream ?? 'STDOUT',
                after: after ?? 0,
                signal,
                seat: () => context.seats?.take(job.clusterName, signal) ?? null,
              },
              feedSources(context, () => context.account),
            ),
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
 * Sends the cluster's refusal as the last event: an error that a stream throws would end the whole connection, with all
 * other subscriptions of the client.
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

async function existingJob(globalId: string, context: GraphQLContext): Promise<Job> {
  const { reads } = feedSources(context, () => context.account);
  const job = await reads.jobs.get(localId(globalId, 'Job'));
  if (job === null) throw fault('NOT_FOUND', 'Job not found');
  return job;
}
