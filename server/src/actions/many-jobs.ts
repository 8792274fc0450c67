import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Actor } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import type { JobRequest } from '../domain/job-event.ts';
import { notAllowedTo } from '../domain/policy.ts';
import { type Outcome, refuse } from '../domain/refusal.ts';
import type { Journal, JournalWriter, Remark } from '../events/index.ts';

export const MAX_IDS = 1000;
export const NOT_THERE = 'Job not found';

/** So many jobs and tasks are written in one transaction, or a whole array: others have their turn in between. */
const WRITTEN_TOGETHER = 50;
/** Of an array, where that need not be one transaction. */
const TASKS_TOGETHER = 500;

/** What becomes of some jobs, by id; those that aren't there are left out. */
type Act = (unique: ReadonlySet<string>) => Promise<ReadonlyMap<string, Outcome<Job>>>;

export async function forOneJob(actor: Actor, id: string, act: Act): Promise<Outcome<Job>> {
  const refused = notAllowedTo(actor, 'CHANGE_JOBS');
  if (refused !== null) return refused;
  return (await act(new Set([id]))).get(id) ?? refuse('NOT_FOUND', 'id', NOT_THERE);
}

/**
 * An outcome for each id, in their order; equal ids have the same one. A refusal names the place of its id in the
 * request. What is refused as a whole is one refusal, and nothing is done.
 */
export async function forEachJob(actor: Actor, ids: readonly string[], act: Act): Promise<readonly Outcome<Job>[]> {
  const refused = notAllowedTo(actor, 'CHANGE_JOBS');
  if (refused !== null) return [refused];
  if (ids.length > MAX_IDS) {
    return [
      refuse('INVALID_INPUT', 'ids', `There are ${ids.length} ids: at most ${MAX_IDS} are allowed in one request`),
    ];
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
  actor: Actor,
  ids: Iterable<string>,
  write: (writer: JournalWriter, id: string) => Promise<number>,
): Promise<void> {
  const left = [...ids].reverse();
  while (left.length > 0) {
    await journal.write(actor, async (writer) => {
      for (let written = 0; written < WRITTEN_TOGETHER; ) {
        const id = left.pop();
        if (id === undefined) return;
        written += await write(writer, id);
      }
    });
    await nextTurn();
  }
}

/** The same change of a job and of all its tasks, on request. Gives the job as it is afterwards, and how many were written. */
export async function changeWithTasks(
  writer: JournalWriter,
  id: string,
  request: JobRequest,
  apply: (job: Job) => Job,
): Promise<{ readonly job: Job; readonly written: number }> {
  let written = 1;
  for await (const tasks of writer.jobs.tasksInTurns(id)) {
    await writer.change(tasks.map((task) => ({ before: task, after: apply(task), request })));
    written += tasks.length;
  }
  return { job: await writer.update(id, apply, { request }), written };
}

/**
 * The same change of all tasks of an array, in as many transactions as it takes. A crash in between leaves it half done, so
 * the array itself is to be changed after it: until then it may be asked for again.
 */
export async function changeTasks(
  journal: Journal,
  actor: Actor,
  array: Job,
  request: JobRequest,
  apply: (task: Job) => Job,
): Promise<void> {
  for (let from: string | null = null; ; await nextTurn()) {
    const page = { limit: TASKS_TOGETHER, backwards: false, from };
    const { rows, hasMore } = await journal.write(actor, async (writer) => {
      const tasks = await writer.jobs.tasksPage(array.id, page);
      await writer.change(tasks.rows.map(({ row }) => ({ before: row, after: apply(row), request })));
      return tasks;
    });
    if (!hasMore) return;
    from = rows.at(-1)?.cursor ?? null;
  }
}

/** Adds something to the history of jobs that are not changed, by their ids. */
export async function noteEach(journal: Journal, actor: Actor, remarks: ReadonlyMap<string, Remark>): Promise<void> {
  await writeEach(journal, actor, remarks.keys(), async (writer, id) => {
    await writer.note(id, remarks.get(id) ?? {});
    return 1;
  });
}
