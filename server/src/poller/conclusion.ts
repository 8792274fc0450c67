import type { JobComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { inOrder } from '../domain/times.ts';
import { DOUBLE_EXIT_CODE, type EndMarker, type JobAccount } from '../slurm/index.ts';
import type { AccountingAnswer } from './accounting-answer.ts';
import { type JobUpdate, observed } from './observe.ts';

/** Accounting and shared file systems show things late: until then a job without a trace is not given up. */
export const GRACE_MS = 10 * 60_000;
/** So long after its end, as Slurm tells it, a job's own word may still come: KillWait is 30 s unless told otherwise. */
const MARKER_LATE_MS = 45_000;
/** For so long the accounts have to go on telling of other tasks of an array and not of one: a start may come late. */
const TAKEN_OUT_MS = 2 * 60_000;

const ENDED_BY_SIGNAL =
  'A signal ended it, and no accounting tells why: it was cancelled, out of time, preempted or killed, or its program failed so';

/** What is known of a job that left Slurm's queue. */
export interface Findings {
  readonly job: Job;
  /** Of its end; null: the accounting tells of none. */
  readonly account: JobAccount | null;
  /** Null: its batch script recorded no end, or none that can be read. */
  readonly marker: EndMarker | null;
  /** Since when it is gone, or, if that is later, the accounts can be read again: they catch up first. */
  readonly since: number;
  /** Since when the accounts tell of its array and not of it; null: they don't. */
  readonly takenOutSince: number | null;
}

/**
 * What became of a job, from what its end left behind, as far as that is certain; null: it has to be looked for again.
 * `now`: ms by the clock of `since`; `at`: the time that is told.
 */
export function conclude(findings: Findings, accounting: AccountingAnswer, now: number, at: Date): JobUpdate | null {
  const { job, account, marker, since, takenOutSince } = findings;
  if (account !== null) return concludeAccount(findings, account, accounting, at);
  // As long as the accounting can't be read, or shows things late, it may still tell.
  const mayBeTold = accounting.isUnreadable(job) || now - since < GRACE_MS;
  if (marker !== null && marker.attempt >= job.attempt) {
    // What a signal ended was cancelled, out of time or preempted, or failed by itself: the script can't know.
    const isOpen = marker.isInterrupted && job.cancelRequestedAt === null && accounting.isKept;
    if (isOpen && mayBeTold) return null;
    return { jobId: job.id, apply: (current) => marked(current, marker, at) };
  }
  if (takenOutSince !== null && now - takenOutSince >= TAKEN_OUT_MS) {
    return { jobId: job.id, apply: (current) => takenOut(current, at) };
  }
  if (mayBeTold) return null;
  return { jobId: job.id, apply: (current) => lost(current, at) };
}

/** The same from an account that leaves the exit code to the script. */
function concludeAccount(
  { job, marker }: Findings,
  account: JobAccount,
  accounting: AccountingAnswer,
  at: Date,
): JobUpdate | null {
  // Slurm accounts for a job as soon as it ends it: unless a signal ended the job's script itself, that still has its
  // time to write of it (KillWait).
  const { signal, endedAt } = account.latest;
  const isLate = at.getTime() - (endedAt?.getTime() ?? 0) < MARKER_LATE_MS;
  if (marker === null && job.workDir !== null && signal === null && isLate) return null;
  // The script's own word is exact; that of sacct may be 128 less, and 0 for what Slurm ended.
  const attempt = Math.max(job.attempt, account.latest.attempt);
  const unknown = accounting.hasExactCodes || account.latest.exitCode === 0 ? {} : { exitCode: null };
  // Where a signal ended the script, the accounts tell which.
  const isOwn = marker?.attempt === attempt && marker.exitCode !== null;
  const exact = isOwn ? { exitCode: marker.exitCode, signal: null } : unknown;
  const components = account.latest.components.map((one) => (one.offset === 0 ? { ...one, ...exact } : one));
  return accounted(job, { ...account, latest: { ...account.latest, ...exact, components } }, at);
}

/** Whether its script has come to an end with a code that the accounts may not hold. */
export function leavesCodeToScript({ latest }: JobAccount): boolean {
  // A double's end says nothing of the job's, and the marker is not of its making.
  return latest.state !== 'COMPLETED' && latest.nodeList !== null && latest.exitCode !== DOUBLE_EXIT_CODE;
}

/** A job as the accounting says that it ended. */
export function accounted(job: Job, { latest, closed }: JobAccount, at: Date): JobUpdate {
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
