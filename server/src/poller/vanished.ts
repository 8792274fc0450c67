import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { EndMarker, SlurmAdapter } from '../slurm/index.ts';
import { type JobUpdate, observed } from './observe.ts';

/** One snapshot can miss a job that is being moved inside the controller; two in a row don't. */
const SNAPSHOTS_UNTIL_ASKED = 2;
const ACCOUNTING_INTERVAL_MS = 30_000;
/** Accounting and shared file systems show things late: until then a job without a trace is not given up. */
const GRACE_MS = 10 * 60_000;
/** Each takes a command of its own. */
const MARKERS_A_TICK = 10;

interface Absence {
  snapshots: number;
  readonly since: number;
  askedAt: number;
  markerReadAt: number;
}

/**
 * Finds out what became of jobs that left Slurm's queue: from its accounting, else from the end marker that the batch
 * script wrote, and after a grace time not at all. That a job is gone is never taken for an end of its own.
 */
export class VanishedJobs {
  readonly #slurm: SlurmAdapter;
  readonly #absences = new Map<string, Absence>();

  constructor(slurm: SlurmAdapter) {
    this.#slurm = slurm;
  }

  /** Takes the jobs missing in one whole snapshot; gives those whose end is certain now. */
  async examine(missing: readonly Job[], now: number): Promise<readonly JobUpdate[]> {
    const missingIds = new Set(missing.map((job) => job.id));
    for (const id of this.#absences.keys()) if (!missingIds.has(id)) this.#absences.delete(id);

    const due: { job: Job; absence: Absence }[] = [];
    for (const job of missing) {
      const absence = this.#absences.get(job.id) ?? {
        snapshots: 0,
        since: now,
        askedAt: Number.NEGATIVE_INFINITY,
        markerReadAt: 0,
      };
      absence.snapshots += 1;
      this.#absences.set(job.id, absence);
      const isDue = absence.snapshots >= SNAPSHOTS_UNTIL_ASKED && now - absence.askedAt >= ACCOUNTING_INTERVAL_MS;
      if (isDue) due.push({ job, absence });
    }
    if (due.length === 0) return [];

    const ids = due.flatMap(({ job }) => (job.slurmJobId === null ? [] : [job.slurmJobId]));
    const accounts = new Map((await this.#slurm.accounting(ids))?.map((seen) => [seen.slurmJobId, seen]));
    const updates: JobUpdate[] = [];
    let markersLeft = MARKERS_A_TICK;
    // Whoever has waited longest for a look at its marker comes first.
    due.sort((left, right) => left.absence.markerReadAt - right.absence.markerReadAt);
    for (const { job, absence } of due) {
      absence.askedAt = now;
      const account = accounts.get(job.slurmJobId ?? '');
      const isOver = account?.slurmName === job.slurmName && account.state !== null && !isActiveState(account.state);
      if (account !== undefined && isOver && account.state !== 'FAILED') {
        updates.push({ jobId: job.id, apply: (current) => observed(current, account) });
      } else if (markersLeft > 0) {
        markersLeft -= 1;
        absence.markerReadAt = now;
        const marker = job.workDir === null ? null : await this.#slurm.endMarker(job.workDir, job.arrayTaskId);
        if (account !== undefined && isOver) {
          // sacct takes 128 from the codes above it, up to 25.05 (src/sacct/print.c): the script's own word is exact.
          const exact = marker === null ? account : { ...account, exitCode: marker.exitCode, signal: null };
          updates.push({ jobId: job.id, apply: (current) => observed(current, exact) });
        } else if (marker !== null) updates.push({ jobId: job.id, apply: (current) => marked(current, marker) });
        else if (now - absence.since >= GRACE_MS) updates.push({ jobId: job.id, apply: lost });
      }
    }
    return updates;
  }
}

/** A job as its own batch script says that it ended. */
function marked(job: Job, marker: EndMarker): Job {
  return {
    ...job,
    state: marker.exitCode === 0 ? 'COMPLETED' : job.cancelRequestedAt === null ? 'FAILED' : 'CANCELLED',
    reason: null,
    attempt: marker.attempt,
    exitCode: marker.exitCode,
    endedAt: marker.endedAt,
    estimatedStartAt: null,
  };
}

function lost(job: Job): Job {
  return {
    ...job,
    state: 'LOST',
    reason: 'Slurm no longer knows it, its accounting has no end for it, and its batch script recorded none',
    estimatedStartAt: null,
  };
}
