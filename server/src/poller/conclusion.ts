import type { JobComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { inOrder, isSurelyOver } from '../domain/times.ts';
import { DOUBLE_EXIT_CODE, type EndMarker, type JobAccount } from '../slurm/index.ts';
import type { AccountingAnswer } from './accounting-answer.ts';
import { type JobUpdate, observed } from './observe.ts';

/** Accounting and shared file systems may lag: a job without a trace is given up only after this time. */
export const GRACE_MS = 10 * 60_000;
/** How long after its end in Slurm a job's own record may still appear: KillWait is 30 s by default. */
const MARKER_LATE_MS = 45_000;
/** How long the accounting must show an array without one of its tasks: a start may appear late. */
const TAKEN_OUT_MS = 2 * 60_000;

const ENDED_BY_SIGNAL =
  'A signal ended it, and no accounting tells why: it was cancelled, out of time, preempted or killed, or its program failed so';

/** What is known of a job that left Slurm's queue. */
export interface Findings {
  readonly job: Job;
  /** Of its end; null: the accounting shows none. */
  readonly account: JobAccount | null;
  /** Null: its batch script recorded no end, or an unreadable one. */
  readonly marker: EndMarker | null;
  /** Since when it is gone, or the accounting can be read again, whichever is later, because the accounting may lag. */
  readonly since: number;
  /** Since when it is gone. */
  readonly goneSince: number;
  /** Since when the accounting shows its array but not it; null: it doesn't. */
  readonly takenOutSince: number | null;
}

/**
 * How a job ended, from its traces, as far as that is certain; null: look again. `now`: ms on the clock of `since`;
 * `at`: the time to report.
 */
export function conclude(findings: Findings, accounting: AccountingAnswer, now: number, at: Date): JobUpdate | null {
  const { job, account, marker, since, takenOutSince } = findings;
  if (account !== null) return concludeAccount(findings, account, accounting, now, at);
  // An accounting that can't be read, or lags, may still show it.
  const mayBeTold = accounting.isUnreadable(job) || now - since < GRACE_MS;
  if (marker !== null && marker.attempt >= job.attempt) {
    // A signal may mean cancelled, out of time, preempted or failed: the script can't know.
    const isOpen = marker.isInterrupted && job.cancelRequestedAt === null && accounting.isKept;
    if (isOpen && mayBeTold) return null;
    return { jobId: job.id, slurmJobId: null, apply: (current) => marked(current, marker, at) };
  }
  if (takenOutSince !== null && now - takenOutSince >= TAKEN_OUT_MS) {
    return { jobId: job.id, slurmJobId: job.slurmJobId, apply: (current) => takenOut(current, at) };
  }
  if (mayBeTold) return null;
  return { jobId: job.id, slurmJobId: job.slurmJobId, apply: (current) => lost(current, at) };
}

/** The same from an account without an exit code, which is the script's to give. */
function concludeAccount(
  { job, marker, goneSince }: Findings,
  account: JobAccount,
  accounting: AccountingAnswer,
  now: number,
  at: Date,
): JobUpdate | null {
  // Slurm records a job as soon as it ends it: unless a signal ended the job's script, that may still write its own
  // record (KillWait).
  const { signal, endedAt } = account.latest;
  const isOver = endedAt === null || isSurelyOver(endedAt, at, MARKER_LATE_MS);
  const isLate = !isOver && now - goneSince < MARKER_LATE_MS;
  if (marker === null && job.workDir !== null && signal === null && isLate) return null;
  // The script's own code is exact; that of sacct may be 128 less, and is 0 if Slurm ended the job.
  const attempt = Math.max(job.attempt, account.latest.attempt);
  const unknown = accounting.hasExactCodes || account.latest.exitCode === 0 ? {} : { exitCode: null };
  // If a signal ended the script, the accounting says which.
  const isOwn = marker?.attempt === attempt && marker.exitCode !== null;
  const exact = isOwn ? { exitCode: marker.exitCode, signal: null } : unknown;
  const components = account.latest.components.map((one) => (one.offset === 0 ? { ...one, ...exact } : one));
  return accounted(job, { ...account, latest: { ...account.latest, ...exact, components } }, at);
}

/** Whether its script ended with a code that the accounting may not have. */
export function leavesCodeToScript({ latest }: JobAccount): boolean {
  // The end of a double says nothing about the job, and the record is not the double's.
  return latest.state !== 'COMPLETED' && latest.nodeList !== null && latest.exitCode !== DOUBLE_EXIT_CODE;
}

/** A job that ended as the accounting says. */
export function accounted(job: Job, { latest, closed }: JobAccount, at: Date): JobUpdate {
  const apply = (current: Job) => observed(current, latest, at);
  return { jobId: job.id, slurmJobId: job.slurmJobId, apply, attempts: closed };
}

/** A job that ended as its batch script says. */
function marked(job: Job, marker: EndMarker, now: Date): Job {
  // A command that traps the signal that should end it exits by itself, but not successfully.
  const isTold = job.cancelRequestedAt !== null && marker.endedAt.getTime() + 1000 > job.cancelRequestedAt.getTime();
  const isCancelled = job.cancelRequestedAt !== null && (marker.isInterrupted || (isTold && marker.exitCode !== 0));
  const state = isCancelled ? 'CANCELLED' : marker.exitCode === 0 ? 'COMPLETED' : 'FAILED';
  return {
    ...job,
    // The job that wrote the record did the work. A task's script knows only its own number, not that of its array.
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

/** The state of a component when its job was last seen is no longer its state. */
function unlessOpen(component: JobComponent): JobComponent {
  if (component.state === null || !isActiveState(component.state)) return component;
  return { ...component, state: null, word: null, reason: null, estimatedStartAt: null };
}
