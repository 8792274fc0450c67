import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Job } from '../domain/job.ts';
import { type Outcome, refuse } from '../domain/refusal.ts';
import type { Journal, JournalWriter } from '../events/index.ts';

export const MAX_IDS = 1000;
export const NOT_THERE = 'There is no such job';

/** So many jobs and tasks are written in one transaction, or a whole array: others have their turn in between. */
const WRITTEN_TOGETHER = 50;

/**
 * An outcome for each id, in their order; equal ids have the same one. A refusal names the place of its id in the
 * request. A list that is too long is one refusal of the whole, and nothing is done.
 */
export async function forEachJob(
  ids: readonly string[],
  act: (unique: ReadonlySet<string>) => Promise<ReadonlyMap<string, Outcome<Job>>>,
): Promise<readonly Outcome<Job>[]> {
  if (ids.length > MAX_IDS) {
    return [refuse('INVALID_INPUT', 'ids', `There are ${ids.length} ids: name ${MAX_IDS} at most in one request`)];
  }
  const outcomes = await act(new Set(ids));
  return ids.map((id, index) => {
    const outcome = outcomes.get(id) ?? refuse('NOT_FOUND', 'ids', NOT_THERE);
    if (outcome.ok) return outcome;
    const path = ['input', 'ids', String(index)];
    return { ok: false, refusals: outcome.refusals.map((one) => ({ ...one, path })) };
  });
}

/** Writes jobs one after the other, in as many transactions as it takes. `write` gives how many jobs and tasks it wrote. */
export async function writeEach(
  journal: Journal,
  ids: Iterable<string>,
  write: (writer: JournalWriter, id: string) => Promise<number>,
): Promise<void> {
  const left = [...ids].reverse();
  while (left.length > 0) {
    await journal.write(async (writer) => {
      for (let written = 0; written < WRITTEN_TOGETHER; ) {
        const id = left.pop();
        if (id === undefined) return;
        written += await write(writer, id);
      }
    });
    await nextTurn();
  }
}

/** The same change of a job and of all its tasks. Gives the job as it is afterwards, and how many were written. */
export async function changeWithTasks(
  writer: JournalWriter,
  id: string,
  apply: (job: Job) => Job,
): Promise<{ readonly job: Job; readonly written: number }> {
  let written = 1;
  for await (const tasks of writer.jobs.tasksInTurns(id)) {
    await writer.change(tasks.map((task) => ({ before: task, after: apply(task) })));
    written += tasks.length;
  }
  return { job: await writer.update(id, apply), written };
}
