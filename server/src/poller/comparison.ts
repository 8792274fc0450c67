import { isArray, type Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { isOf, type JobObservation, ownerId, type Report, type TasksObservation } from '../domain/observation.ts';
import { type QueueSnapshot, ShownJobs } from '../slurm/index.ts';
import { type JobUpdate, lacksComponent, observed } from './observe.ts';
import { inTurns, slicesInTurns } from './turns.ts';

export interface SnapshotDiff {
  readonly updates: readonly JobUpdate[];
  /** Jobs that Slurm took and that the snapshot lacks, or whose open components it lacks. */
  readonly missing: readonly Job[];
  /** Observations of no known job that are alive, were requeued, or are run by one of the jobs. */
  readonly unexpected: Unexpected;
  /** Everything that the snapshot shows. */
  readonly shown: ShownJobs;
  /** Unknown words for states. */
  readonly unknownWords: ReadonlySet<string>;
}

export interface Unexpected {
  readonly jobs: readonly JobObservation[];
  /** Of tasks that share a row. */
  readonly tasks: readonly UnexpectedTasks[];
}

export interface UnexpectedTasks {
  readonly seen: TasksObservation;
  /** Whether a task of it is unexpected. */
  has(index: number): boolean;
}

/** It has a Slurm number. An array's own row follows from its tasks and is never looked for. */
export function isInQueue(job: Job): boolean {
  return job.slurmJobId !== null && !isArray(job);
}

/** By job, the observation that had no news for it: both are skipped while they are the same. */
export type Confirmed = WeakMap<Job, Report>;

/**
 * Compares jobs that Slurm took with a whole snapshot of its queue, some at a time. A number alone doesn't identify a
 * job, because Slurm reuses numbers: the owner must match, too.
 */
export class SnapshotComparison {
  readonly #snapshot: Pick<QueueSnapshot, 'observations' | 'shared'>;
  readonly #shown: ShownJobs;
  readonly #now: Date;
  readonly #confirmed: Confirmed;
  readonly #jobs: (readonly Job[])[] = [];
  /** Observations of these jobs, and how many tasks of a row are. */
  readonly #expected = new Map<Report, number>();
  readonly #updates: JobUpdate[] = [];
  readonly #missing: Job[] = [];
  readonly #unknownWords = new Set<string>();

  private constructor(
    snapshot: Pick<QueueSnapshot, 'observations' | 'shared'>,
    shown: ShownJobs,
    now: Date,
    confirmed: Confirmed,
  ) {
    this.#snapshot = snapshot;
    this.#shown = shown;
    this.#now = now;
    this.#confirmed = confirmed;
  }

  /** Yields to the event loop during a large snapshot, here and in `diff`. */
  static async of(
    snapshot: Pick<QueueSnapshot, 'observations' | 'shared'>,
    now: Date,
    confirmed: Confirmed,
  ): Promise<SnapshotComparison> {
    return new SnapshotComparison(snapshot, await ShownJobs.of(snapshot), now, confirmed);
  }

  take(jobs: readonly Job[]): void {
    this.#jobs.push(jobs);
    for (const job of jobs) {
      const seen = this.#shown.at(job.slurmJobId ?? '');
      if (seen === undefined || !isOf(seen, job)) {
        this.#missing.push(job);
        continue;
      }
      this.#expected.set(seen, (this.#expected.get(seen) ?? 0) + 1);
      if (this.#confirmed.get(job) !== seen) this.#compare(job, seen);
    }
  }

  #compare(job: Job, seen: Report): void {
    const now = this.#now;
    const isPart = lacksComponent(job, seen);
    // Its other components are taken as observed.
    if (isPart) this.#missing.push(job);
    for (const { state, word } of [seen, ...seen.components])
      if (state === null && word !== null) this.#unknownWords.add(word);
    const after = observed(job, seen, now);
    if (after !== job) {
      const apply = (current: Job) => (current === job ? after : observed(current, seen, now));
      this.#updates.push({ jobId: job.id, slurmJobId: job.slurmJobId, apply });
    } else if (!isPart) {
      this.#confirmed.set(job, seen);
    }
  }

  async diff(): Promise<SnapshotDiff> {
    const unexpected = await this.#unexpected();
    return {
      updates: this.#updates,
      missing: this.#missing,
      unexpected,
      shown: this.#shown,
      unknownWords: this.#unknownWords,
    };
  }

  async #unexpected(): Promise<Unexpected> {
    const others: JobObservation[] = [];
    for await (const slice of slicesInTurns(this.#snapshot.observations)) {
      for (const seen of slice)
        if (!this.#expected.has(seen) && this.#shown.at(seen.slurmJobId) === seen) others.push(seen);
    }
    const rows: TasksObservation[] = [];
    for await (const slice of slicesInTurns(this.#snapshot.shared)) {
      for (const seen of slice) if ((this.#expected.get(seen) ?? 0) < seen.tasks.size) rows.push(seen);
    }
    if (others.length === 0 && rows.length === 0) return { jobs: [], tasks: [] };
    const taken = new Taken();
    for await (const jobs of slicesInTurns(this.#jobs.flat())) for (const job of jobs) taken.add(job);
    const jobs: JobObservation[] = [];
    for await (const slice of slicesInTurns(others)) {
      jobs.push(...slice.filter((seen) => isUnexpected(seen, seen.slurmJobId, taken)));
    }
    const tasks: UnexpectedTasks[] = [];
    for await (const seen of inTurns(rows)) {
      if (!mayBeUnexpected(seen, taken)) continue;
      tasks.push({
        seen,
        has: (index) => {
          const slurmJobId = `${seen.slurmArrayId}_${index}`;
          return !taken.hasNumber(slurmJobId, seen) && isUnexpected(seen, slurmJobId, taken);
        },
      });
    }
    return { jobs, tasks };
  }
}

/** The jobs that a snapshot was compared with. */
class Taken {
  readonly #places = new Set<string>();
  readonly #owners = new Set<string>();
  /** Their owners, by their numbers. */
  readonly #numbers = new Map<string, string>();

  add(job: Job): void {
    const owner = ownerId(job);
    this.#owners.add(owner);
    this.#places.add(placeOf(owner, job.arrayTaskId));
    if (job.slurmJobId !== null) this.#numbers.set(job.slurmJobId, owner);
  }

  hasPlace(owner: string, slurmJobId: string): boolean {
    return this.#places.has(placeOf(owner, slurmJobId.split('_')[1]));
  }

  hasOwner(owner: string): boolean {
    return this.#owners.has(owner);
  }

  /** Whether a job has this number and is what is shown under it. */
  hasNumber(slurmJobId: string, { ownerId, directoryJobId }: Report): boolean {
    return this.#numbers.get(slurmJobId) === (ownerId ?? directoryJobId ?? '');
  }
}

function isUnexpected(seen: Report, slurmJobId: string, taken: Taken): boolean {
  return (
    mayBeUnexpected(seen, taken) &&
    (isAlive(seen) || (seen.ownerId !== null && taken.hasPlace(seen.ownerId, slurmJobId)))
  );
}

function mayBeUnexpected(seen: Report, taken: Taken): boolean {
  return seen.state !== null && (isAlive(seen) || (seen.ownerId !== null && taken.hasOwner(seen.ownerId)));
}

function isAlive({ state, attempt }: Report): boolean {
  return state !== null && (isActiveState(state) || (attempt ?? 1) > 1);
}

/** The place of a job, or of one task of an array. */
function placeOf(owner: string, task: number | string | null | undefined): string {
  return task == null ? owner : `${owner} ${task}`;
}

/**
 * Jobs that were over and that Slurm shows alive again, or at the end of a later attempt: any job that Slurm still
 * remembers can be requeued.
 */
export async function reopened(jobs: readonly Job[], shown: ShownJobs, now: Date): Promise<JobUpdate[]> {
  const updates: JobUpdate[] = [];
  for await (const job of inTurns(jobs)) {
    const seen = shown.at(job.slurmJobId ?? '');
    if (seen === undefined || !isOf(seen, job) || seen.state === null || isActiveState(job.state)) continue;
    if (!isActiveState(seen.state) && (seen.attempt ?? 1) <= job.attempt) continue;
    const apply = (current: Job) => observed(current, seen, now);
    updates.push({ jobId: job.id, slurmJobId: job.slurmJobId, apply });
  }
  return updates;
}
