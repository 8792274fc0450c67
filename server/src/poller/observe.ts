import { isDeepStrictEqual } from 'node:util';
import type { JobAttempt } from '../domain/attempt.ts';
import { unseenComponent, wholeOf, withBoundedNodes } from '../domain/component.ts';
import type { JobEvidence } from '../domain/evidence.ts';
import { isArray, type Job } from '../domain/job.ts';
import { isActiveState, type JobState } from '../domain/job-state.ts';
import { isOf, type JobObservation, ownerId } from '../domain/observation.ts';
import { inOrder } from '../domain/times.ts';
import { slicesInTurns } from './turns.ts';

/** A job after an observation of it; the very same object if nothing changes. */
export function observed(job: Job, said: JobObservation, now: Date): Job {
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
  return withNews(job, news);
}

/**
 * An observation of a heterogeneous job, completed with the known state of the components that it lacks. In another
 * attempt nothing is known of them. Of components of any other job, which Slurm doesn't have, the first is the job.
 */
export function withOtherComponents(job: Job, seen: JobObservation): JobObservation {
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
function lacksComponent(job: Job, seen: JobObservation): boolean {
  if (seen.components.length === 0 || seen.components.length >= job.components.length) return false;
  const isOpen = (state: JobState | null) => state === null || isActiveState(state);
  return !isOpen(seen.state) && isOpen(withOtherComponents(job, seen).state);
}

/** The first evidence stays as long as it is confirmed. */
function evidenceOf(job: Job, seen: JobObservation, state: JobState, attempt: number, now: Date): JobEvidence {
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

export interface SnapshotDiff {
  readonly updates: readonly JobUpdate[];
  /** Jobs that Slurm took and that the snapshot lacks, or whose open components it lacks. */
  readonly missing: readonly Job[];
  /** Observations of no known job that are alive, were requeued, or are run by one of the jobs. */
  readonly unexpected: readonly JobObservation[];
  /** Unknown words for states. */
  readonly unknownWords: ReadonlySet<string>;
}

/** It has a Slurm number. An array's own row follows from its tasks and is never looked for. */
export function isInQueue(job: Job): boolean {
  return job.slurmJobId !== null && !isArray(job);
}

/** By observation, the job for which it had no news: both are skipped while they are the same. */
export type Confirmed = WeakMap<JobObservation, Job>;

/**
 * Compares jobs that Slurm took with a whole snapshot of its queue, some at a time. A number alone doesn't identify a
 * job, because Slurm reuses numbers: the owner must match, too.
 */
export class SnapshotComparison {
  readonly #now: Date;
  readonly #confirmed: Confirmed;
  readonly #seenById = new Map<string, JobObservation>();
  readonly #jobs: (readonly Job[])[] = [];
  readonly #updates: JobUpdate[] = [];
  readonly #missing: Job[] = [];
  readonly #unknownWords = new Set<string>();

  private constructor(now: Date, confirmed: Confirmed) {
    this.#now = now;
    this.#confirmed = confirmed;
  }

  /** Yields to the event loop during a large snapshot, here and in `diff`. */
  static async of(
    observations: readonly JobObservation[],
    now: Date,
    confirmed: Confirmed,
  ): Promise<SnapshotComparison> {
    const comparison = new SnapshotComparison(now, confirmed);
    for await (const slice of slicesInTurns(observations)) {
      for (const seen of slice) comparison.#seenById.set(seen.slurmJobId, seen);
    }
    return comparison;
  }

  take(jobs: readonly Job[]): void {
    this.#jobs.push(jobs);
    for (const job of jobs) {
      const seen = this.#seenById.get(job.slurmJobId ?? '');
      if (seen === undefined || !isOf(seen, job)) {
        this.#missing.push(job);
        continue;
      }
      this.#seenById.delete(seen.slurmJobId);
      if (this.#confirmed.get(seen) !== job) this.#compare(job, seen);
    }
  }

  #compare(job: Job, seen: JobObservation): void {
    const now = this.#now;
    const isPart = lacksComponent(job, seen);
    // Its other components are taken as observed.
    if (isPart) this.#missing.push(job);
    for (const { state, word } of [seen, ...seen.components])
      if (state === null && word !== null) this.#unknownWords.add(word);
    const after = observed(job, seen, now);
    if (after !== job) {
      const apply = (current: Job) => (current === job ? after : observed(current, seen, now));
      this.#updates.push({ jobId: job.id, slurmJobId: seen.slurmJobId, apply });
    } else if (!isPart) {
      this.#confirmed.set(seen, job);
    }
  }

  async diff(): Promise<SnapshotDiff> {
    const unexpected = await this.#unexpected([...this.#seenById.values()]);
    return { updates: this.#updates, missing: this.#missing, unexpected, unknownWords: this.#unknownWords };
  }

  async #unexpected(others: readonly JobObservation[]): Promise<readonly JobObservation[]> {
    if (others.length === 0) return [];
    const taken = new Set<string>();
    for await (const jobs of slicesInTurns(this.#jobs.flat())) {
      for (const job of jobs) taken.add(placeOf(ownerId(job), job.arrayTaskId));
    }
    const unexpected: JobObservation[] = [];
    for await (const slice of slicesInTurns(others)) {
      unexpected.push(...slice.filter((seen) => isUnexpected(seen, taken)));
    }
    return unexpected;
  }
}

/** `taken`: the places of the jobs that the snapshot was compared with. */
function isUnexpected(
  { state, attempt, ownerId: owner, slurmJobId }: JobObservation,
  taken: ReadonlySet<string>,
): boolean {
  if (state === null) return false;
  if (isActiveState(state) || (attempt ?? 1) > 1) return true;
  return owner !== null && taken.has(placeOf(owner, slurmJobId.split('_')[1]));
}

/** The place of a job, or of one task of an array. */
function placeOf(owner: string, task: number | string | null | undefined): string {
  return task == null ? owner : `${owner} ${task}`;
}

/**
 * Jobs that were over and that Slurm shows alive again, or at the end of a later attempt: any job that Slurm still
 * remembers can be requeued.
 */
export async function reopened(
  jobs: readonly Job[],
  unexpected: readonly JobObservation[],
  now: Date,
): Promise<JobUpdate[]> {
  if (jobs.length === 0) return [];
  const seenById = new Map<string, JobObservation>();
  for await (const slice of slicesInTurns(unexpected)) for (const seen of slice) seenById.set(seen.slurmJobId, seen);
  return jobs.flatMap((job) => {
    const seen = seenById.get(job.slurmJobId ?? '');
    if (seen === undefined || !isOf(seen, job) || seen.state === null || isActiveState(job.state)) return [];
    if (!isActiveState(seen.state) && (seen.attempt ?? 1) <= job.attempt) return [];
    const apply = (current: Job) => observed(current, seen, now);
    return [{ jobId: job.id, slurmJobId: seen.slurmJobId, apply }];
  });
}
