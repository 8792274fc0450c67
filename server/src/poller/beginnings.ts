import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { asError } from '../domain/thrown.ts';
import { isSurelyOver } from '../domain/times.ts';
import { type Begun, isDoubtfulCode, isDoubtfulSignal, type JobRecords, SlurmUnavailable } from '../slurm/index.ts';
import type { JobUpdate } from './observe.ts';
import { inTurns } from './turns.ts';

/** The longest time for which network file systems show what is not so any more (acregmax, man 5 nfs, is 60 s). */
const LATE_MS = 90_000;
/** A job may have closed its records to us for good: then Slurm's word is all there will be. */
const LONGEST_UNREADABLE_MS = 24 * 3_600_000;

const NEVER_BEGUN =
  'Slurm calls it completed, but its command never began: a start-up file of the login, or what runs before the command, ended or replaced the shell';
const NEVER_STARTED =
  'Its command never began: Slurm could not open its log or its directory, or a start-up file of the login ended the shell';

interface End {
  readonly update: JobUpdate;
  readonly after: Job;
  readonly workDir: string;
}

/** Times are in ms by the clock that nobody sets. */
interface Doubt {
  readonly update: JobUpdate;
  readonly attempt: number;
  /** The first look, or earlier if its job was surely over before. */
  readonly since: number;
  /** Since when its records can't be read, however long ago it ended: nobody may have looked before; null: they can. */
  readonly unreadableSince: number | null;
  /** What is missing may show at any moment, as opposed to what can't be read. */
  readonly isLate: boolean;
}

/**
 * Believes no success of a job whose command never began, and no exit code or signal that may be an error of Slurm's: its
 * batch script writes down when the command begins. Slurm tells the exit code of whatever stood in the script's place, or
 * why it couldn't start it. An end in doubt isn't told until the record had its time to show.
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
   * `now`: ms by a clock that nobody sets, by which is waited; `at`: the time by this machine's clock, which only tells
   * whether a job ended long ago. `fault`: why records could not be read, whose ends are kept back; null: all could.
   */
  async withoutHollowEnds(
    updates: readonly JobUpdate[],
    current: ReadonlyMap<string, Job>,
    now: number,
    at: Date,
  ): Promise<{ readonly updates: readonly JobUpdate[]; readonly fault: Error | null }> {
    const told: JobUpdate[] = [];
    const ends: End[] = [];
    for await (const update of inTurns(this.#withDoubts(updates, current))) {
      const before = current.get(update.jobId);
      const after = before === undefined ? null : update.apply(before);
      if (after !== null && isDoubtful(after) && after.workDir !== null)
        ends.push({ update, after, workDir: after.workDir });
      else told.push(update);
      if (after !== null && !isDoubtful(after)) this.#doubts.delete(update.jobId);
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
        told.push(...this.#toTell(end, said, now, at));
      }
      return { updates: told, fault };
    } catch (cause) {
      const fault = asError(cause);
      for (const end of ends) told.push(...this.#toTell(end, { unreadable: fault.message }, now, at));
      return { updates: told, fault };
    }
  }

  /** The update of an end, or none yet. */
  #toTell(
    { update, after }: Pick<End, 'update' | 'after'>,
    hasBegun: Begun,
    now: number,
    at: Date,
  ): readonly JobUpdate[] {
    const isSuccess = after.state === 'COMPLETED';
    const isUnreadable = typeof hasBegun === 'object';
    const { since, unreadableSince } = this.#keep({ update, after }, now, at, !isUnreadable);
    if (hasBegun === false && now - since < LATE_MS) return [];
    // A failure is one, with or without its exit code or signal.
    const longestUnreadable = isSuccess ? LONGEST_UNREADABLE_MS : LATE_MS;
    if (unreadableSince !== null && now - unreadableSince < longestUnreadable) return [];
    this.#doubts.delete(update.jobId);
    // Of a directory that is gone nothing can be said against Slurm's word, or for it: no script begins without one.
    const isBelieved = hasBegun === true || (isSuccess && hasBegun !== false);
    return [isBelieved ? update : hollow(update)];
  }

  #keep({ update, after }: Pick<End, 'update' | 'after'>, now: number, at: Date, isLate: boolean): Doubt {
    const earlier = this.#doubts.get(update.jobId);
    const known = earlier?.attempt === after.attempt ? earlier : null;
    const isLongOver = after.endedAt !== null && isSurelyOver(after.endedAt, at, LATE_MS);
    const since = known?.since ?? (isLongOver ? now - LATE_MS : now);
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

function isDoubtful({ state, exitCode, signal }: Job): boolean {
  return state === 'COMPLETED' || isDoubtfulSignal(signal) || (state === 'FAILED' && isDoubtfulCode(exitCode));
}

/** The update, as of a job whose command never began. */
function hollow(update: JobUpdate): JobUpdate {
  return { ...update, apply: (job) => unbegun(update.apply(job)) };
}

function unbegun(job: Job): Job {
  if (job.state === 'COMPLETED') return { ...job, state: 'FAILED', reason: NEVER_BEGUN, exitCode: null };
  if (isDoubtfulSignal(job.signal)) {
    const components = job.components.map((one) => (isDoubtfulSignal(one.signal) ? { ...one, signal: null } : one));
    return { ...job, signal: null, components };
  }
  if (!isDoubtfulCode(job.exitCode)) return job;
  const components = job.components.map((one) => (isDoubtfulCode(one.exitCode) ? { ...one, exitCode: null } : one));
  return { ...job, exitCode: null, reason: NEVER_STARTED, components };
}
