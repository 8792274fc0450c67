import { isArray, type Job } from '../domain/job.ts';
import type { JobState } from '../domain/job-state.ts';
import { lastWhere } from '../domain/last-where.ts';
import { type JobObservation, type Report, taskOf } from '../domain/observation.ts';
import { DOUBLE_EXIT_CODE } from '../slurm/index.ts';
import type { JobReader } from '../store/index.ts';
import type { Unexpected, UnexpectedTasks } from './comparison.ts';
import { type Choices, FairTurns } from './fair-turns.ts';
import { inTurns } from './turns.ts';

/** Jobs and arrays that are read in one look; each may have a long command. */
const OWNERS_A_LOOK = 200;
/** The same of the tasks of arrays. */
const STRAYS_A_LOOK = 200;

/** In these states, the batch script can't have claimed its directory yet. */
const NOT_BEGUN: ReadonlySet<JobState> = new Set(['SUBMITTING', 'PENDING', 'HELD', 'CONFIGURING']);

/** A job that Slurm shows under a number other than its own. */
export interface Stray {
  readonly job: Job;
  readonly seen: JobObservation;
}

/** A Slurm job with an unknown number, and the job whose batch script it runs; for a task, its array. */
interface Candidate {
  readonly owner: Job;
  readonly seen: JobObservation;
}

/**
 * Finds jobs that Slurm shows under another number. Anybody with the login can have Slurm run the script of any job any
 * number of times, so that a look reads a few hundred jobs at most, and of an array only the tasks that are shown.
 */
export class Strays {
  readonly #clusterName: string;
  readonly #jobs: JobReader;
  readonly #ownerTurns = new FairTurns();
  readonly #strayTurns = new FairTurns();
  /** They run the script of no known job, or not as that job: they never will, since jobs are stored first. */
  readonly #strangers = new WeakSet<Report>();

  constructor(clusterName: string, jobs: JobReader) {
    this.#clusterName = clusterName;
    this.#jobs = jobs;
  }

  /** Of `unexpected`, those that are a job of ours if one of its two numbers may have claimed the directory. */
  async find(unexpected: Unexpected): Promise<readonly Stray[]> {
    const chosen = this.#strayTurns.choose(await this.#ofKnownJobs(unexpected), STRAYS_A_LOOK);
    const candidates = chosen.flatMap(({ owner, shown, index }) => {
      const seen = shown.at(index);
      return seen === null ? [] : [{ owner, seen }];
    });
    const tasks = await this.#tasksOf(candidates);
    return candidates.flatMap(({ owner, seen }) => {
      const job = isArray(owner) ? tasks.get(seen) : owner;
      return job !== undefined && isStray(job, seen) ? [{ job, seen }] : [];
    });
  }

  /** By job, what is shown of it. */
  async #ofKnownJobs({ jobs, tasks }: Unexpected): Promise<ReadonlyMap<string, ShownOfOwner>> {
    const byOwner = new Map<string, Shown[]>();
    for await (const shown of inTurns([...jobs.map(ofOne), ...tasks.map(ofMany)])) {
      const { ownerId } = shown.said;
      if (ownerId === null || this.#strangers.has(shown.said)) continue;
      const others = byOwner.get(ownerId);
      if (others === undefined) byOwner.set(ownerId, [shown]);
      else others.push(shown);
    }
    const ids = await this.#ownerTurns.take([...byOwner.keys()], (id) => id, OWNERS_A_LOOK);
    const owners = await this.#jobs.getMany(ids);
    const known = new Map<string, ShownOfOwner>();
    for (const [index, id] of ids.entries()) {
      const owner = owners[index] ?? null;
      const own: Shown[] = [];
      for await (const shown of inTurns(byOwner.get(id) ?? [])) {
        // Clusters may share a workspace, but no cluster says anything about another one's jobs.
        if (owner?.clusterName === this.#clusterName && runsAs(owner, shown)) own.push(shown);
        else this.#strangers.add(shown.said);
      }
      if (owner !== null && own.length > 0) known.set(id, new ShownOfOwner(owner, own));
    }
    return known;
  }

  /** The tasks of arrays that are shown. */
  async #tasksOf(chosen: readonly Candidate[]): Promise<ReadonlyMap<JobObservation, Job>> {
    const tasks = new Map<JobObservation, Job>();
    for (const [arrayId, shown] of Map.groupBy(chosen, ({ owner }) => owner.id)) {
      const indexes = shown.flatMap(({ seen }) => taskIndex(seen) ?? []);
      const byIndex = new Map((await this.#jobs.tasksAt(arrayId, indexes)).map((task) => [task.arrayTaskId, task]));
      for (const { seen } of shown) {
        const task = byIndex.get(taskIndex(seen));
        if (task !== undefined) tasks.set(seen, task);
      }
    }
    return tasks;
  }
}

/** A row of one job, or of several tasks. */
interface Shown {
  readonly said: Report;
  readonly isTask: boolean;
  readonly size: number;
  /** Null: that one isn't unexpected. */
  at(index: number): JobObservation | null;
}

function ofOne(seen: JobObservation): Shown {
  return { said: seen, isTask: taskIndex(seen) !== null, size: 1, at: () => seen };
}

function ofMany({ seen, has }: UnexpectedTasks): Shown {
  const at = (position: number) => {
    const index = seen.tasks.at(position);
    return has(index) ? taskOf(seen, index) : null;
  };
  return { said: seen, isTask: true, size: seen.tasks.size, at };
}

/** What is shown of one owner, as one list. */
class ShownOfOwner implements Choices<{ readonly owner: Job; readonly shown: Shown; readonly index: number }> {
  readonly length: number;
  readonly #owner: Job;
  readonly #shown: readonly { readonly shown: Shown; readonly before: number }[];

  constructor(owner: Job, shown: readonly Shown[]) {
    let before = 0;
    this.#owner = owner;
    this.#shown = shown.map((one) => {
      const place = { shown: one, before };
      before += one.size;
      return place;
    });
    this.length = before;
  }

  at(position: number) {
    const place = this.#shown[lastWhere(this.#shown, ({ before }) => before <= position)];
    return place === undefined ? undefined : { owner: this.#owner, shown: place.shown, index: position - place.before };
  }
}

/** Null: it is no task of an array. */
function taskIndex({ slurmJobId }: JobObservation): number | null {
  const [, index] = slurmJobId.split('_');
  return index === undefined ? null : Number(index);
}

/** Whether a Slurm job runs the script of a job as that one was submitted: as an array, or not. */
function runsAs(owner: Job, { isTask }: Shown): boolean {
  return owner.arrayParentId === null && isArray(owner) === isTask;
}

function isStray(job: Job, seen: JobObservation): boolean {
  // Without a number, it is still being submitted.
  if (job.slurmJobId === null || job.slurmJobId === seen.slurmJobId) return false;
  // It has ended by itself.
  if (seen.exitCode === DOUBLE_EXIT_CODE) return false;
  return !NOT_BEGUN.has(job.state) || (seen.state !== null && !NOT_BEGUN.has(seen.state));
}
