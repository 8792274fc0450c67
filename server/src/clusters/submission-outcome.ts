import { ulid } from 'ulid';
import { SYSTEM } from '../domain/actor.ts';
import { arrayTaskIds } from '../domain/array-spec.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { Journal } from '../events/index.ts';
import { batches } from '../store/index.ts';

/** How many are recorded in one turn of the event loop. */
const TASKS_A_TURN = 100;

/** Slurm has taken a job. Returns the job as stored. `message`: what else sbatch printed; null: nothing. */
export async function recordAccepted(
  journal: Journal,
  jobId: string,
  slurmJobId: string,
  message: string | null,
): Promise<Job> {
  return journal.write(SYSTEM, async (writer) => {
    const after = await writer.update(jobId, (current) => ({
      ...current,
      slurmJobId,
      state: current.cancelRequestedAt === null ? 'PENDING' : 'CANCELLING',
      evidence: { source: 'SBATCH', word: null, seenAt: new Date() },
      reason: null,
    }));
    if (message !== null) await writer.addSubmitMessage(jobId, message);
    // Each has the array's command, which may be long.
    for await (const ids of batches(arrayTaskIds(after.resources.array ?? '') ?? [], TASKS_A_TURN)) {
      const tasks = ids.map((id) => arrayTask(after, slurmJobId, id));
      await writer.create(tasks.map((job) => ({ job, idempotencyKey: null, submission: null })));
    }
    return after;
  });
}

/** Slurm has no such job and won't get it; its directory is gone. */
export async function recordNeverTaken(
  journal: Journal,
  jobId: string,
  state: 'SUBMIT_FAILED' | 'CANCELLED',
  reason: string,
): Promise<void> {
  await journal.write(SYSTEM, (writer) =>
    writer.update(jobId, (current) => ({
      ...current,
      state,
      evidence: { source: 'SBATCH', word: null, seenAt: new Date() },
      reason,
      workDir: null,
      endedAt: new Date(),
    })),
  );
}

/** Why a job isn't in Slurm yet, for as long as it isn't. */
export async function recordReason(journal: Journal, jobId: string, reason: string): Promise<void> {
  await journal.write(SYSTEM, (writer) =>
    writer.update(jobId, (current) => (isBeingSubmitted(current) ? { ...current, reason } : current)),
  );
}

/** Slurm has neither taken nor refused it. The tasks of an array come with it. */
export function isBeingSubmitted(job: Job): boolean {
  return job.slurmJobId === null && job.arrayParentId === null && isActiveState(job.state);
}

/** It starts out as its array does. */
function arrayTask(array: Job, slurmJobId: string, arrayTaskId: number): Job {
  return { ...array, id: ulid(), slurmJobId: `${slurmJobId}_${arrayTaskId}`, arrayParentId: array.id, arrayTaskId };
}
