import type { Actor } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { done, type Outcome } from '../domain/refusal.ts';
import type { ActionContext } from './context.ts';
import { changeWithTasks, forEachJob, writeEach } from './many-jobs.ts';

/** Takes jobs out of the lists that don't ask for archived ones, or brings them back. An array takes its tasks along. */
export async function archiveJobs(
  { journal }: ActionContext,
  actor: Actor,
  ids: readonly string[],
  isArchived: boolean,
): Promise<readonly Outcome<Job>[]> {
  return forEachJob(actor, ids, async (unique) => {
    const outcomes = new Map<string, Outcome<Job>>();
    await writeEach(journal, actor, unique, async (writer, id) => {
      if ((await writer.jobs.get(id)) === null) return 1;
      const request = isArchived ? 'ARCHIVE' : 'UNARCHIVE';
      const { job, written } = await changeWithTasks(writer, id, request, (current) => ({ ...current, isArchived }));
      outcomes.set(id, done(job));
      return written;
    });
    return outcomes;
  });
}
