import { isArray, type Job } from '../domain/job.ts';
import type { JobState } from '../domain/job-state.ts';
import type { JobObservation } from '../domain/observation.ts';
import { DOUBLE_EXIT_CODE } from '../slurm/index.ts';
import type { JobReader } from '../store/index.ts';
import { FairTurns } from './fair-turns.ts';
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
interface Unexpected {
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
  readonly #strangers = new WeakSet<JobObservation>();

  constructor(clusterName: string, jobs: JobReader) {
    this.#clusterName = clusterName;
    this.#jobs = jobs;
  }

  /** Of `unexpected`, those that are a job of ours if one of its two numbers may have claimed the directory. */
  async find(unexpected: readonly JobObservation[]): Promise<readonly Stray[]> {
    const known = await this.#ofKnownJobs(unexpected);
    const chosen = await this.#strayTurns.take(known, ({ owner }) => owner.id, STRAYS_A_LOOK);
    const tasks = await this.#tasksOf(chosen);
    return chosen.flatMap(({ owner, seen }) => {
      const job = isArray(owner) ? tasks.get(seen) : owner;
      return job !== undefined && isStray(job, seen) ? [{ job, seen }] : [];
    });
  }

  async #ofKnownJobs(unexpected: readonly JobObservation[]): Promise<readonly Unexpected[]> {
    const byOwner = new Map<string, JobObservation[]>();
    for await (const seen of inTurns(unexpected)) {
      if (seen.ownerId === null || this.#strangers.has(seen)) continue;
      const others = byOwner.get(seen.ownerId);
      if (others === undefined) byOwner.set(seen.ownerId, [seen]);
      else others.push(seen);
    }
    const ids = await this.#ownerTurns.take([...byOwner.keys()], (id) => id, OWNERS_A_LOOK);
    const owners = await this.#jobs.getMany(ids);
    const known: Unexpected[] = [];
    for (const [index, id] of ids.entries()) {
      const owner = owners[index] ?? null;
      for await (const seen of inTurns(byOwner.get(id) ?? [])) {
        // Clusters may share a workspace, but no cluster says anything about another one's jobs.
        if (owner?.clusterName === this.#clusterName && runsAs(owner, seen)) known.push({ owner, seen });
        else this.#strangers.add(seen);
      }
    }
    return known;
  }

  /** The tasks of arrays that are shown. */
  async #tasksOf(chosen: readonly Unexpected[]): Promise<ReadonlyMap<JobObservation, Job>> {
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

/** Null: it is no task of an array. */
function taskIndex({ slurmJobId }: JobObservation): number | null {
  const [, index] = slurmJobId.split('_');
  return index === undefined ? null : Number(index);
}

/** Whether a Slurm job runs the script of a job as that one was submitted: as an array, or not. */
function runsAs(owner: Job, seen: JobObservation): boolean {
  return owner.arrayParentId === null && isArray(owner) === (taskIndex(seen) !== null);
}

function isStray(job: Job, seen: JobObservation): boolean {
  // Without a number, it is still being submitted.
  if (job.slurmJobId === null || job.slurmJobId === seen.slurmJobId) return false;
  // It has ended by itself.
  if (seen.exitCode === DOUBLE_EXIT_CODE) return false;
  return !NOT_BEGUN.has(job.state) || (seen.state !== null && !NOT_BEGUN.has(seen.state));
}
