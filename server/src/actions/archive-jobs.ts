import type { Job } from '../domain/job.ts';
import { done, type Outcome } from '../domain/refusal.ts';
import type { ActionContext } from './context.ts';
import { forEachJob } from './many-jobs.ts';

/** Takes jobs out of the lists that don't ask for archived ones, or brings them back. An array takes its tasks along. */
export async function archiveJobs(
  { journal }: ActionContext,
  ids: readonly string[],
  isArchived: boolean,
): Promise<readonly Outcome<Job>[]> {
  return forEachJob(ids, (unique) =>
    journal.write(async (writer) => {
      const outcomes = new Map<string, Outcome<Job>>();
      for (const job of await writer.jobs.getMany([...unique])) {
        if (job === null) continue;
        for (const task of await writer.jobs.tasks(job.id)) {
          await writer.update(task.id, (current) => ({ ...current, isArchived }));
        }
        outcomes.set(job.id, done(await writer.update(job.id, (current) => ({ ...current, isArchived }))));
      }
      return outcomes;
    }),
  );
}
