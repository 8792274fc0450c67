import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { asError } from '../domain/thrown.ts';
import { type Begun, type JobRecords, SlurmUnavailable } from '../slurm/index.ts';
import type { JobUpdate } from './observe.ts';

/** The longest time for which network file systems show what is not so any more (acregmax, man 5 nfs, is 60 s). */
const LATE_MS = 90_000;
/** A job may have closed its records to us for good: then Slurm's word is all there will be. */
const LONGEST_UNREADABLE_MS = 24 * 3_600_000;

const NEVER_BEGUN =
  'Slurm calls it completed, but its command never began: a start-up file of the login, or what runs before the command, ended or replaced the shell';

interface End {
  readonly update: JobUpdate;
  readonly after: Job;
  readonly workDir: string;
}

interface Doubt {
  readonly update: JobUpdate;
  readonly attempt: number;
  readonly since: number;
  /** Since when its records can't be read, however long ago it ended: nobody may have looked before; null: they can. */
  readonly unreadableSince: number | null;
  /** What is missing may show at any moment, as opposed to what can't be read. */
  readonly isLate: boolean;
}

/**
 * Believes no success of a job whose command never began: its batch script writes down when it does. Slurm tells the
 * exit code of whatever stood in the script's place. An end in doubt isn't told until the record had its time to show.
 */
export class Beginnings {
  readonly #records: JobRecords;
  /** By job. */
  readonly #doubts = new Map<string, Doubt>();

  constructor(records: JobRecords) {
    this.#records = records;
  }

  /** There are ends that are told as soon as their records show. */
  get isWaiting(): boolean {
    return [...this.#doubts.values()].some(({ isLate }) => isLate);
  }

  /**
   * The updates, and those kept back earlier, as far as they are certain now. `current`: the jobs that they are for.
   * `fault`: why records could not be read, whose ends are kept back; null: all could.
   */
  async withoutHollowEnds(
    updates: readonly JobUpdate[],
    current: ReadonlyMap<string, Job>,
    now: number,
  ): Promise<{ readonly updates: readonly JobUpdate[]; readonly fault: Error | null }> {
    const told: JobUpdate[] = [];
    const ends: End[] = [];
    for (const update of this.#withDoubts(updates, current)) {
      const before = current.get(update.jobId);
      const after = before === undefined ? null : update.apply(before);
      if (after?.state === 'COMPLETED' && after.workDir !== null) ends.push({ update, after, workDir: after.workDir });
      else told.push(update);
      if (after !== null && after.state !== 'COMPLETED') this.#doubts.delete(update.jobId);
    }
    if (ends.length === 0) return { updates: told, fault: null };
    const attempts = ends.map(({ after, workDir }) => ({
      workDir,
      arrayTaskId: after.arrayTaskId,
      attempt: after.attempt,
    }));
    try {
      const begun = await this.#records.hasBegun(attempts);
      let fault: Error | null = null;
      for (const [index, end] of ends.entries()) {
        const said = begun[index] ?? 'gone';
        if (typeof said === 'object') fault ??= new SlurmUnavailable(said.unreadable);
        told.push(...this.#toTell(end, said, now));
      }
      return { updates: told, fault };
    } catch (cause) {
      const fault = asError(cause);
      for (const end of ends) told.push(...this.#toTell(end, { unreadable: fault.message }, now));
      return { updates: told, fault };
    }
  }

  /** The update of an end, or none yet. */
  #toTell({ update, after }: Pick<End, 'update' | 'after'>, hasBegun: Begun, now: number): readonly JobUpdate[] {
    const isUnreadable = typeof hasBegun === 'object';
    const { since, unreadableSince } = this.#keep({ update, after }, now, !isUnreadable);
    // Of a folder that is gone nothing can be said against Slurm's word.
    if (hasBegun === false && now - since < LATE_MS) return [];
    if (unreadableSince !== null && now - unreadableSince < LONGEST_UNREADABLE_MS) return [];
    this.#doubts.delete(update.jobId);
    return [hasBegun === false ? { ...update, apply: (job) => hollow(update.apply(job)) } : update];
  }

  #keep({ update, after }: Pick<End, 'update' | 'after'>, now: number, isLate: boolean): Doubt {
    const earlier = this.#doubts.get(update.jobId);
    const known = earlier?.attempt === after.attempt ? earlier : null;
    const since = known?.since ?? Math.min(now, after.endedAt?.getTime() ?? now);
    const unreadableSince = isLate ? null : (known?.unreadableSince ?? now);
    const doubt = { update, attempt: after.attempt, since, unreadableSince, isLate };
    this.#doubts.set(update.jobId, doubt);
    return doubt;
  }

  /** What was kept back comes again, unless there is newer word of its job. */
  #withDoubts(updates: readonly JobUpdate[], current: ReadonlyMap<string, Job>): readonly JobUpdate[] {
    if (this.#doubts.size === 0) return updates;
    const news = new Set(updates.map(({ jobId }) => jobId));
    const again: JobUpdate[] = [];
    for (const [jobId, { update }] of this.#doubts) {
      const job = current.get(jobId);
      if (job === undefined || !isActiveState(job.state)) this.#doubts.delete(jobId);
      else if (!news.has(jobId)) again.push(update);
    }
    return [...updates, ...again];
  }
}

function hollow(job: Job): Job {
  if (job.state !== 'COMPLETED') return job;
  return { ...job, state: 'FAILED', reason: NEVER_BEGUN, exitCode: null };
}
