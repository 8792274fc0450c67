import type { Job } from '../domain/job.ts';
import type { LogChunk } from '../domain/log-chunk.ts';
import { type FollowRequest, followLog } from '../logs/index.ts';
import type { FeedSources } from './sources.ts';

/** Where a follower of a log begins, and what it waits for before each read. */
export type LogTailStart = Pick<FollowRequest, 'stream' | 'after' | 'signal' | 'seat'>;

/**
 * The bytes of a job's log up to its end, then as they come; positions are offsets in the file, which `endOffset` of each
 * chunk tells. Ends once the job is over and the file has been read; throws what `isUnanswered` knows when the cluster
 * can't be asked.
 */
export function logTail(
  job: Job,
  start: LogTailStart,
  { clusters, watches, journal, store }: FeedSources,
): AsyncGenerator<LogChunk, void, undefined> {
  return followLog({
    ...start,
    files: clusters.files(job.clusterName),
    watches,
    // Asked at every look at the file: while it is active, memory knows.
    job: async () => journal.active(job.clusterName).get(job.id) ?? (await store.jobs.get(job.id)) ?? job,
  });
}
