import { isDeepStrictEqual } from 'node:util';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { inOrder } from '../domain/times.ts';
import type { Journal } from '../events/index.ts';
import type { JobUpdate } from './observe.ts';
import { inTurns } from './turns.ts';

/** A job as it was and as it is now. */
export interface Updated {
  readonly before: Job;
  readonly after: Job;
}

/**
 * Writes updates of a cluster's jobs in one transaction, each to the job as it is by then; skips jobs that are gone.
 */
export async function commitUpdates(
  journal: Journal,
  clusterName: string,
  updates: readonly JobUpdate[],
): Promise<readonly Updated[]> {
  return journal.write(SYSTEM, async (writer) => {
    const active = journal.active(clusterName);
    const others = updates.flatMap(({ jobId }) => (active.has(jobId) ? [] : [jobId]));
    const known = new Map((await writer.jobs.getMany(others)).flatMap((job) => (job === null ? [] : [[job.id, job]])));
    const changes = updates.flatMap(({ jobId, apply, message }) => {
      const before = active.get(jobId) ?? known.get(jobId);
      // Whatever a cluster shows, it is about its own jobs.
      if (before?.clusterName !== clusterName) return [];
      return [{ before, after: apply(before), ...(message === undefined ? {} : { message }) }];
    });
    // Two concurrent lookups may have found the same end.
    await writer.change(
      changes.filter(({ before, after }) => isActiveState(before.state) || !isSameEnd(before, after)),
    );
    const written = new Map(changes.map(({ after }) => [after.id, after]));
    for await (const { jobId, attempts } of inTurns(updates)) {
      if (attempts === undefined || attempts.length === 0) continue;
      const current = written.get(jobId);
      await writer.saveAttempts(
        jobId,
        attempts.flatMap((attempt) =>
          current !== undefined && attempt.number < current.attempt ? [inOrder(attempt, current.submittedAt)] : [],
        ),
      );
    }
    return changes;
  });
}

/** Whether they differ only in when it was seen. */
function isSameEnd(before: Job, after: Job): boolean {
  const evidence = after.evidence && before.evidence && { ...after.evidence, seenAt: before.evidence.seenAt };
  return isDeepStrictEqual(before, { ...after, evidence });
}
