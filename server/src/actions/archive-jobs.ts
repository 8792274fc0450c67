import type { Actor } from '../domain/actor.ts';
import { isArray, type Job } from '../domain/job.ts';
import { done, type Outcome } from '../domain/refusal.ts';
import type { ActionContext } from './context.ts';
import { changeTasks, forEachJob, writeEach } from './many-jobs.ts';

/** Takes jobs out of the lists that don't ask for archived ones, or brings them back. An array takes its tasks along. */
export async function archiveJobs(
  { reads, journal }: ActionContext,
  actor: Actor,
  ids: readonly string[],
  isArchived: boolean,
): Promise<readonly Outcome<Job>[]> {
  return forEachJob(actor, ids, async (unique) => {
    const outcomes = new Map<string, Outcome<Job>>();
    const request = isArchived ? 'ARCHIVE' : 'UNARCHIVE';
    const apply = (current: Job): Job => ({ ...current, isArchived });
    for (const id of unique) {
      const job = await reads.jobs.get(id);
      if (job !== null && isArray(job)) await changeTasks(journal, actor, job, request, apply);
    }
    await writeEach(journal, actor, unique, async (writer, id) => {
      if ((await writer.jobs.get(id)) !== null) outcomes.set(id, done(await writer.update(id, apply, { request })));
      return 1;
    });
    return outcomes;
  });
}
