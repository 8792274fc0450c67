import type { JobComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState, type JobState } from '../domain/job-state.ts';
import { isOf } from '../domain/observation.ts';
import { inOrder } from '../domain/times.ts';
import {
  type Accounting,
  DOUBLE_EXIT_CODE,
  type EndMarker,
  type JobAccount,
  type LastRecord,
  type SlurmAdapter,
  type Unreadable,
} from '../slurm/index.ts';
import { type JobUpdate, observed, withOtherComponents } from './observe.ts';
import { inTurns } from './turns.ts';

/** One snapshot can miss a job that is being moved inside the controller; two in a row don't. */
const SNAPSHOTS_UNTIL_ASKED = 2;
const ACCOUNTING_INTERVAL_MS = 30_000;
/** Accounting and shared file systems show things late: until then a job without a trace is not given up. */
const GRACE_MS = 10 * 60_000;
/** So long after its end, as Slurm tells it, a job's own word may still come: KillWait is 30 s unless told otherwise. */
const MARKER_LATE_MS = 45_000;
/** For so long the accounts have to go on telling of other tasks of an array and not of one: a start may come late. */
const TAKEN_OUT_MS = 2 * 60_000;
/** With one command. */
const MARKERS_A_TICK = 200;

const NOT_BEGUN: ReadonlySet<JobState> = new Set(['PENDING', 'HELD', 'CANCELLING']);

const ENDED_BY_SIGNAL =
  'A signal ended it, and no accounting tells why: it was cancelled, out of time, preempted or killed, or its program failed so';

interface Absence {
  snapshots: number;
  /** Since when it is gone, or, if that is later, the accounts can be read again: they catch up first. */
  since: number;
  askedAt: number;
  markerReadAt: number;
  /** Since when the accounts tell of its array and not of it; null: they don't. */
  takenOutSince: number | null;
}

interface Due {
  readonly job: Job;
  readonly absence: Absence;
}

/** The accounts, if they have it, leave something for its marker to tell. */
interface Open extends Due {
  readonly account: JobAccount | null;
}

/**
 * Finds out what became of jobs that left Slurm's queue: from its accounting, else from the end marker that the batch
 * script wrote, and after a grace time not at all. That a job is gone is never taken for an end of its own.
 */
export class VanishedJobs {
  readonly #slurm: SlurmAdapter;
  readonly #absences = new Map<string, Absence>();
  /** Requeued jobs whose closed attempts the accounting hasn't told yet, with the time when it was last asked. */
  readonly #requeued = new Map<string, { readonly job: Job; readonly since: number; askedAt: number }>();
  #accountingFault: string | null = null;

  constructor(slurm: SlurmAdapter) {
    this.#slurm = slurm;
  }

  /** Why the accounting gave no answer when it was last asked; null when it did, or isn't kept. */
  get accountingFault(): string | null {
    return this.#accountingFault;
  }

  /** There are attempts whose ends the accounting still has to tell. */
  get isWaiting(): boolean {
    return this.#requeued.size > 0;
  }

  /** A job was seen in a new attempt: how the one before ended is asked for with the next question. `now`: as below. */
  requeued(job: Job, now: number): void {
    this.#requeued.set(job.id, { job, since: now, askedAt: Number.NEGATIVE_INFINITY });
  }

  /**
   * Takes the jobs missing in one whole snapshot; gives those whose end, or whose earlier attempts, are certain now.
   * `now`: ms by a clock that nobody sets, by which is waited; `at`: the time that is told.
   */
  async examine(missing: readonly Job[], now: number, at: Date = new Date(now)): Promise<readonly JobUpdate[]> {
    const due = this.#due(missing, now);
    const requeued = [...this.#requeued.values()].filter(({ askedAt }) => now - askedAt >= ACCOUNTING_INTERVAL_MS);
    const asked = [...due.map(({ job }) => job), ...requeued.map(({ job }) => job)];
    if (asked.length === 0) {
      if (this.#absences.size === 0) this.#accountingFault = null;
      return [];
    }

    const accounting = await this.#accounting([...new Set(asked.flatMap(({ slurmJobId }) => slurmJobId ?? []))]);
    this.#accountingFault = faultOf(accounting);
    const told = await ToldAccounts.of(accounting);

    const updates: JobUpdate[] = [];
    for (const entry of requeued) {
      entry.askedAt = now;
      const closed = told.accountOf(entry.job)?.closed ?? [];
      const isTold = closed.filter(({ outcome }) => outcome !== null).length >= entry.job.attempt - 1;
      if (isTold || accounting.kind === 'none' || now - entry.since >= GRACE_MS) this.#requeued.delete(entry.job.id);
      if (closed.length > 0) updates.push({ jobId: entry.job.id, apply: (job) => job, attempts: closed });
    }
    const open: Open[] = [];
    for await (const { job, absence } of inTurns(due)) {
      absence.askedAt = now;
      if (isUnreadable(accounting, job)) absence.since = now;
      const account = endOf(job, told.accountOf(job), now - absence.since >= GRACE_MS);
      // A double's end says nothing of the job's, and the marker is not of its making.
      const isDouble = account?.latest.exitCode === DOUBLE_EXIT_CODE;
      if (account === null || (hasOwnCode(account) && !isDouble)) open.push({ job, absence, account });
      else updates.push(accounted(job, account, at));
    }
    // Whoever has waited longest for a look at its marker comes first.
    open.sort((left, right) => left.absence.markerReadAt - right.absence.markerReadAt);
    const looked = open.slice(0, MARKERS_A_TICK);
    let markers: ReadonlyMap<string, LastRecord | Unreadable>;
    try {
      markers = await this.#markers(looked.map(({ job }) => job));
    } catch (cause) {
      // What the accounts told stands for itself. Where there was nothing of that, the fault is told.
      if (updates.length > 0) return updates;
      throw cause;
    }
    for (const { job, absence, account } of looked) {
      absence.markerReadAt = now;
      const record = markers.get(job.id) ?? null;
      const isUnreadable = typeof record === 'object' && record !== null && 'unreadable' in record;
      // Only the accounts can tell then: it is no sign that there is no record.
      if (isUnreadable && account === null) continue;
      const isTakenOut = record === null && told.hasNoneOf(job);
      absence.takenOutSince = isTakenOut ? (absence.takenOutSince ?? now) : null;
      const marker = isUnreadable || record === 'begun' ? null : record;
      const update = this.#concluded({ job, account, absence }, marker, accounting, now, at);
      if (update !== null) updates.push(update);
    }
    return updates;
  }

  /** A question that breaks or takes too long says as little as one that Slurm can't answer. */
  async #accounting(slurmJobIds: readonly string[]): Promise<Accounting> {
    try {
      return await this.#slurm.accounting(slurmJobIds);
    } catch (cause) {
      return { kind: 'unreadable', message: cause instanceof Error ? cause.message : String(cause) };
    }
  }

  /** What the scripts of jobs wrote about their ends, by job. */
  async #markers(jobs: readonly Job[]): Promise<ReadonlyMap<string, LastRecord | Unreadable>> {
    const places = jobs.flatMap(({ id, workDir, arrayTaskId }) =>
      workDir === null ? [] : [{ id, workDir, arrayTaskId }],
    );
    if (places.length === 0) return new Map();
    const markers = await this.#slurm.endMarkers(places);
    return new Map(places.map(({ id }, index) => [id, markers[index] ?? null]));
  }

  /** Keeps count of absences; gives those that have to be asked about now. */
  #due(missing: readonly Job[], now: number): Due[] {
    const missingIds = new Set(missing.map((job) => job.id));
    for (const id of this.#absences.keys()) if (!missingIds.has(id)) this.#absences.delete(id);
    return missing.flatMap((job) => {
      const absence = this.#absences.get(job.id) ?? {
        snapshots: 0,
        since: now,
        askedAt: Number.NEGATIVE_INFINITY,
        markerReadAt: 0,
        takenOutSince: null,
      };
      absence.snapshots += 1;
      this.#absences.set(job.id, absence);
      const isDue = absence.snapshots >= SNAPSHOTS_UNTIL_ASKED && now - absence.askedAt >= ACCOUNTING_INTERVAL_MS;
      return isDue ? [{ job, absence }] : [];
    });
  }

  #concluded(
    { job, account, absence }: Open,
    marker: EndMarker | null,
    accounting: Accounting,
    now: number,
    at: Date,
  ): JobUpdate | null {
    if (account !== null) {
      // Slurm accounts for a job as soon as it ends it: unless a signal ended the job's script itself, that still has its
      // time to write of it (KillWait).
      const { signal, endedAt } = account.latest;
      const isLate = at.getTime() - (endedAt?.getTime() ?? 0) < MARKER_LATE_MS;
      if (marker === null && job.workDir !== null && signal === null && isLate) return null;
      // The script's own word is exact; that of sacct may be 128 less, and 0 for what Slurm ended.
      const attempt = Math.max(job.attempt, account.latest.attempt);
      const hasExactCodes = accounting.kind === 'read' && accounting.hasExactCodes;
      const unknown = hasExactCodes || account.latest.exitCode === 0 ? {} : { exitCode: null };
      // Where a signal ended the script, the accounts tell which.
      const isOwn = marker?.attempt === attempt && marker.exitCode !== null;
      const exact = isOwn ? { exitCode: marker.exitCode, signal: null } : unknown;
      const components = account.latest.components.map((one) => (one.offset === 0 ? { ...one, ...exact } : one));
      return accounted(job, { ...account, latest: { ...account.latest, ...exact, components } }, at);
    }
    // As long as the accounting can't be read, or shows things late, it may still tell.
    const mayBeTold = isUnreadable(accounting, job) || now - absence.since < GRACE_MS;
    if (marker !== null && marker.attempt >= job.attempt) {
      // What a signal ended was cancelled, out of time or preempted, or failed by itself: the script can't know.
      const isOpen = marker.isInterrupted && job.cancelRequestedAt === null && accounting.kind !== 'none';
      if (isOpen && mayBeTold) return null;
      return { jobId: job.id, apply: (current) => marked(current, marker, at) };
    }
    if (absence.takenOutSince !== null && now - absence.takenOutSince >= TAKEN_OUT_MS) {
      return { jobId: job.id, apply: (current) => takenOut(current, at) };
    }
    if (mayBeTold) return null;
    return { jobId: job.id, apply: (current) => lost(current, at) };
  }
}

/** What the accounts tell, by job. */
class ToldAccounts {
  readonly #accounting: Accounting;
  readonly #byId = new Map<string, JobAccount[]>();
  /** By the numbers of arrays: one account of each owner, or of each time of submission where no owner is told. */
  readonly #ofArrays = new Map<string, Map<string | number | null, JobAccount>>();

  private constructor(accounting: Accounting) {
    this.#accounting = accounting;
  }

  static async of(accounting: Accounting): Promise<ToldAccounts> {
    const told = new ToldAccounts(accounting);
    if (accounting.kind === 'read') for await (const account of inTurns(accounting.accounts)) told.#take(account);
    return told;
  }

  #take(account: JobAccount): void {
    const { slurmJobId, ownerId, folderId } = account.latest;
    const ofId = this.#byId.get(slurmJobId);
    if (ofId === undefined) this.#byId.set(slurmJobId, [account]);
    else ofId.push(account);
    const array = arrayOf(slurmJobId);
    if (array === slurmJobId) return;
    const ofArray = this.#ofArrays.get(array) ?? new Map<string | number | null, JobAccount>();
    this.#ofArrays.set(array, ofArray.set(ownerId ?? folderId ?? account.submittedAt?.getTime() ?? null, account));
  }

  accountOf(job: Job): JobAccount | undefined {
    return this.#byId.get(job.slurmJobId ?? '')?.find((account) => isAccountOf(account, job));
  }

  /**
   * Who cancels a waiting task by itself has Slurm take it out of the rest of its array, and neither squeue nor sacct
   * has a record of it then (seen with 22.05): whether they tell of others of its array alone. A task that began has a
   * record of its own.
   */
  hasNoneOf(job: Job): boolean {
    if (job.arrayTaskId === null || job.startedAt !== null || !NOT_BEGUN.has(job.state)) return false;
    if (isUnreadable(this.#accounting, job) || this.accountOf(job) !== undefined) return false;
    const ofArray = this.#ofArrays.get(arrayOf(job.slurmJobId ?? ''));
    return ofArray !== undefined && [...ofArray.values()].some((account) => isAccountOf(account, job));
  }
}

/** `31` of `31_4`; a job's own number otherwise. */
function arrayOf(slurmJobId: string): string {
  return slurmJobId.split('_')[0] ?? '';
}

function faultOf(accounting: Accounting): string | null {
  if (accounting.kind === 'unreadable') return accounting.message;
  if (accounting.kind === 'none' || accounting.unread.size === 0) return null;
  const numbers = [...accounting.unread].slice(0, 3).join(', ');
  const more = accounting.unread.size > 3 ? ` and ${accounting.unread.size - 3} more` : '';
  return `sacct prints rows that can't be read, of ${numbers}${more}`;
}

/** Whether the accounts may tell of a job what can't be read. */
function isUnreadable(accounting: Accounting, { slurmJobId }: Job): boolean {
  if (accounting.kind !== 'read') return accounting.kind === 'unreadable';
  return accounting.unread.has(arrayOf(slurmJobId ?? ''));
}

/**
 * The account of a job that is over. An account with fewer attempts than were seen is that of an earlier one, unless
 * nothing better comes and it tells of a run that was under way when the job was seen last.
 */
function endOf(job: Job, account: JobAccount | undefined, isLast: boolean): JobAccount | null {
  if (account === undefined) return null;
  const latest = { ...withOtherComponents(job, account.latest), attempt: account.latest.attempt };
  if (latest.state === null || isActiveState(latest.state)) return null;
  return latest.attempt >= job.attempt || (isLast && isOfLastSeen(job, account)) ? { ...account, latest } : null;
}

/** Clocks of several machines take part in what says that a job was submitted in its time. */
const CLOCKS_DIFFER_MS = 60_000;

/** An account under a job's number is that job's, and not that of one that had or got the number. */
export function isAccountOf({ latest, submittedAt }: JobAccount, job: Job): boolean {
  if (latest.ownerId !== null || latest.folderId !== null) return isOf(latest, job);
  // Before 21.08, sacct shows nothing that its owner can't change: then it is the one that was submitted in the time
  // between our asking for it and Slurm's showing it.
  if (submittedAt === null) return false;
  const shownAt = job.evidence?.seenAt ?? job.submittedAt;
  return (
    submittedAt.getTime() >= job.submittedAt.getTime() - CLOCKS_DIFFER_MS &&
    submittedAt.getTime() <= shownAt.getTime() + CLOCKS_DIFFER_MS
  );
}

function isOfLastSeen({ startedAt, evidence, submittedAt }: Job, account: JobAccount): boolean {
  const latest = inOrder(account.latest, submittedAt);
  if (startedAt !== null) return latest.startedAt !== null && latest.startedAt >= startedAt;
  return latest.endedAt !== null && evidence !== null && latest.endedAt >= evidence.seenAt;
}

/** Its script has come to an end with a code that the accounts may not hold. */
function hasOwnCode({ latest }: JobAccount): boolean {
  return latest.state !== 'COMPLETED' && latest.nodeList !== null;
}

function accounted(job: Job, { latest, closed }: JobAccount, at: Date): JobUpdate {
  return { jobId: job.id, apply: (current) => observed(current, latest, at), attempts: closed };
}

/** A job as its own batch script says that it ended. */
function marked(job: Job, marker: EndMarker, now: Date): Job {
  // A command that traps the signal which is to end it comes to an end of its own, though to no good one.
  const isTold = job.cancelRequestedAt !== null && marker.endedAt.getTime() + 1000 > job.cancelRequestedAt.getTime();
  const isCancelled = job.cancelRequestedAt !== null && (marker.isInterrupted || (isTold && marker.exitCode !== 0));
  const state = isCancelled ? 'CANCELLED' : marker.exitCode === 0 ? 'COMPLETED' : 'FAILED';
  return {
    ...job,
    // Whoever wrote it did the work. The number that a task's script knows is none of its array.
    slurmJobId: job.arrayTaskId === null ? marker.slurmJobId : job.slurmJobId,
    state,
    evidence: { source: 'MARKER', word: null, seenAt: now },
    reason: state === 'FAILED' && marker.isInterrupted ? ENDED_BY_SIGNAL : null,
    attempt: marker.attempt,
    exitCode: marker.exitCode,
    endedAt: inOrder({ startedAt: job.startedAt, endedAt: marker.endedAt }, job.submittedAt).endedAt,
    estimatedStartAt: null,
    components: job.components.map(unlessOpen),
  };
}

function takenOut(job: Job, now: Date): Job {
  return {
    ...job,
    state: 'CANCELLED',
    evidence: { source: 'SACCT', word: null, seenAt: now },
    reason: "Slurm's accounting has other tasks of its array and none of it: it was cancelled before it began",
    estimatedStartAt: null,
  };
}

function lost(job: Job, now: Date): Job {
  return {
    ...job,
    state: 'LOST',
    evidence: { source: 'ABSENCE', word: null, seenAt: now },
    reason: 'Slurm no longer knows it, its accounting has no end for it, and its batch script recorded none',
    estimatedStartAt: null,
    components: job.components.map(unlessOpen),
  };
}

/** How a component was when its job went out of sight isn't how it is now. */
function unlessOpen(component: JobComponent): JobComponent {
  if (component.state === null || !isActiveState(component.state)) return component;
  return { ...component, state: null, word: null, reason: null, estimatedStartAt: null };
}
