import type { Clusters } from '../clusters/index.ts';
import type { Job } from '../domain/job.ts';
import type { LogChunk } from '../domain/log-chunk.ts';
import { type FollowRequest, followLog } from '../logs/index.ts';
import type { FeedSources } from './sources.ts';

/** Where a reader of a log begins, and what it waits for before each read. */
export type LogTailStart = Pick<FollowRequest, 'stream' | 'after' | 'signal' | 'seat'>;

/**
 * The bytes of a job's log up to its end, then as they are written. The position after a chunk is its `endOffset`. Ends
 * once the job is over and the file has been read. Throws an error of `isUnanswered` when the cluster refuses to read it.
 *
 * Not a `Feed`: a job can truncate its log, so positions don't only grow, and only the cluster knows the newest one.
 */
export function logTail(
  job: Job,
  start: LogTailStart,
  {
    clusters,
    watches,
    journal,
    reads,
    account,
  }: Omit<FeedSources, 'clusters'> & { readonly clusters: Pick<Clusters, 'files'> },
): AsyncGenerator<LogChunk, void, undefined> {
  return followLog({
    ...start,
    files: clusters.files(job.clusterName),
    watches,
    account: account(),
    // Asked at each look at the file. An active job is in memory.
    job: async () => journal.active(job.clusterName).get(job.id) ?? (await reads.jobs.get(job.id)) ?? job,
  });
}
