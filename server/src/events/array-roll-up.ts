import type { Job } from '../domain/job.ts';
import { arrayState, isActiveState } from '../domain/job-state.ts';
import type { JobReader } from '../store/index.ts';

/** An array's own row, derived from its tasks; the same object if nothing changes. */
export async function rollUpArray(array: Job, jobs: JobReader): Promise<Job> {
  const summary = await jobs.arrays.summary(array.id);
  const state = arrayState(new Set(summary.counts.map(({ state }) => state)));
  if (state === null) return array;
  const total = summary.counts.reduce((sum, { count }) => sum + count, 0);
  const isFinal = !isActiveState(state);
  const completed = summary.counts.find((count) => count.state === 'COMPLETED')?.count ?? 0;
  return {
    ...array,
    state,
    evidence: null,
    reason: isFinal && completed < total ? `${total - completed} of ${total} tasks did not complete` : null,
    exitCode: isFinal && (state === 'COMPLETED' || summary.exitCode !== 0) ? summary.exitCode : null,
    partition: array.partition ?? summary.partition,
    startedAt: summary.startedAt,
    endedAt: isFinal ? summary.endedAt : null,
    estimatedStartAt: summary.startedAt === null ? summary.estimatedStartAt : null,
  };
}
