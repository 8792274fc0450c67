import { isDeepStrictEqual } from 'node:util';
import type { JobAttempt } from '../domain/attempt.ts';
import { unseenComponent, wholeOf, withBoundedNodes } from '../domain/component.ts';
import type { JobEvidence } from '../domain/evidence.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState, type JobState } from '../domain/job-state.ts';
import type { Report } from '../domain/observation.ts';
import { inOrder } from '../domain/times.ts';
import { withShortTexts } from '../domain/told-text.ts';

/** A job after an observation of it; the very same object if nothing changes. */
export function observed(job: Job, said: Report, now: Date): Job {
  const seen = withOtherComponents(job, said);
  // An unknown word says nothing, so the state stays.
  if (seen.state === null) return job;
  const isOver = !isActiveState(seen.state);
  // Slurm shows code 0 for jobs that it ended itself: only a completed job, or its leader, really has it.
  const hasCompleted = (seen.components[0]?.state ?? seen.state) === 'COMPLETED';
  const exitCode = seen.exitCode === 0 && !hasCompleted ? null : seen.exitCode;
  const isWaiting = seen.state === 'PENDING' || seen.state === 'HELD';
  // A cancelled job that was requeued is meant to run.
  const cancelRequestedAt = isActiveState(job.state) ? job.cancelRequestedAt : null;
  const attempt = Math.max(job.attempt, seen.attempt ?? 0);
  // A job that is cancelled while it waits gets a start time, but no node. So does one that ran, if the accounting
  // learned of its end before its start: then the start that was seen stays.
  const wasSeenToRun = attempt === job.attempt && job.startedAt !== null && job.nodeList !== null;
  const isShortOfStart = isOver && seen.nodeList === null;
  const hasRun = !isShortOfStart || wasSeenToRun;
  const startedAt = isShortOfStart ? job.startedAt : seen.startedAt;
  // scancel takes time: until the end is seen, the job counts as being cancelled.
  const state = !isOver && cancelRequestedAt !== null ? 'CANCELLING' : seen.state;
  const news: Partial<Job> = {
    state,
    evidence: evidenceOf(job, seen, state, attempt, now),
    reason: seen.state === 'COMPLETED' ? null : seen.reason,
    exitCode: isOver && hasRun ? exitCode : null,
    signal: isOver && hasRun ? seen.signal : null,
    attempt,
    ...inOrder({ startedAt: hasRun ? startedAt : null, endedAt: isOver ? seen.endedAt : null }, job.submittedAt),
    estimatedStartAt: seen.estimatedStartAt,
    nodeList: isShortOfStart && wasSeenToRun ? job.nodeList : seen.nodeList,
    allocated: hasRun && !isWaiting ? (seen.allocated ?? (attempt === job.attempt ? job.allocated : null)) : null,
    partition: seen.partition ?? job.partition,
    components:
      seen.components.length === 0 ? job.components : seen.components.map((one) => inOrder(one, job.submittedAt)),
    cancelRequestedAt,
  };
  const after = withNews(job, news);
  // One whose texts were cut, for want of room with those of other jobs, is shown with the long ones each time.
  return after === job || isOver || withNews(job, withShortTexts(after)) !== job ? after : job;
}

/**
 * An observation of a heterogeneous job, completed with the known state of the components that it lacks. In another
 * attempt nothing is known of them. Of components of any other job, which Slurm doesn't have, the first is the job.
 */
export function withOtherComponents<T extends Report>(job: Job, seen: T): T {
  if (seen.components.length === 0 && job.components.length === 0) return seen;
  if (seen.components.length === 0) return { ...seen, components: job.components };
  if (job.components.length === 0) return { ...seen, ...wholeOf(seen.components.slice(0, 1)), components: [] };
  const isNewAttempt = (seen.attempt ?? job.attempt) > job.attempt;
  const saidOf = new Map(seen.components.map((component) => [component.offset, component]));
  const components = withBoundedNodes(
    job.components.map((known) => {
      const said = saidOf.get(known.offset);
      if (said !== undefined && said.state !== null) return said;
      return isNewAttempt ? unseenComponent(known.offset) : known;
    }),
  );
  return { ...seen, ...wholeOf(components), components };
}

/** Whether a job stays open only because of components that weren't shown. */
export function lacksComponent(job: Job, seen: Report): boolean {
  if (seen.components.length === 0 || seen.components.length >= job.components.length) return false;
  const isOpen = (state: JobState | null) => state === null || isActiveState(state);
  return !isOpen(seen.state) && isOpen(withOtherComponents(job, seen).state);
}

/** The first evidence stays as long as it is confirmed. */
function evidenceOf(job: Job, seen: Report, state: JobState, attempt: number, now: Date): JobEvidence {
  const { evidence } = job;
  if (evidence?.word === seen.word && job.state === state && job.attempt === attempt) return evidence;
  return { source: seen.source, word: seen.word, seenAt: now };
}

/** Unchanged values stay the very same object, so that comparisons are fast. */
function withNews(job: Job, news: Partial<Job>): Job {
  const after: Record<keyof Job, Job[keyof Job]> = { ...job, ...news };
  let isChanged = false;
  for (const key of Object.keys(news) as (keyof Job)[]) {
    const old = job[key];
    const value = after[key];
    if (value === old) continue;
    if (isSame(old, value)) after[key] = old;
    else isChanged = true;
  }
  return isChanged ? (after as unknown as Job) : job;
}

/** As `isDeepStrictEqual`, but faster for the values of most jobs. */
function isSame(old: Job[keyof Job], value: Job[keyof Job]): boolean {
  if (old instanceof Date && value instanceof Date) return old.getTime() === value.getTime();
  return isDeepStrictEqual(old, value);
}

/** A change of one job that is certain, whatever else changes before it is written. */
export interface JobUpdate {
  readonly jobId: string;
  /** The Slurm job that it is about: it says nothing about the job once that has another number. Null: it always does. */
  readonly slurmJobId: string | null;
  apply(job: Job): Job;
  /** News of attempts that a requeue closed. */
  readonly attempts?: readonly JobAttempt[];
  /** For the job's history. */
  readonly message?: string;
}
