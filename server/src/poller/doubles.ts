import { isArray, type Job } from '../domain/job.ts';
import { isActiveState, type JobState } from '../domain/job-state.ts';
import { type JobObservation, ownerId } from '../domain/observation.ts';
import { DOUBLE_EXIT_CODE, type JobRecords } from '../slurm/index.ts';
import type { JobReader } from '../store/index.ts';
import type { JobUpdate } from './observe.ts';
import { inTurns, slicesInTurns } from './turns.ts';

/** Each needs a command of its own. */
const CLAIMS_A_LOOK = 10;

/** In these states, the batch script can't have claimed its directory yet. */
const NOT_BEGUN: ReadonlySet<JobState> = new Set(['SUBMITTING', 'PENDING', 'HELD', 'CONFIGURING']);

/** A job that Slurm shows under a number other than its own. */
interface Stray {
  readonly job: Job;
  readonly seen: JobObservation;
}

/**
 * Resolves jobs for which sbatch ran twice, if the stored number is not that of the Slurm job that does the work: the
 * claim in the job's directory names that one. Its number becomes the job's, and the other Slurm job is cancelled.
 */
export class Doubles {
  readonly #records: JobRecords;
  readonly #jobs: JobReader;
  /** By job, while it has doubles: a claim never changes. */
  #claims: ReadonlyMap<string, string> = new Map();

  constructor(records: JobRecords, jobs: JobReader) {
    this.#records = records;
    this.#jobs = jobs;
  }

  /** The consequences of observations with unknown numbers; `cancel`: the doubles to end. */
  async look(
    unexpected: readonly JobObservation[],
  ): Promise<{ readonly updates: readonly JobUpdate[]; readonly cancel: readonly string[] }> {
    const updates: JobUpdate[] = [];
    const cancel: string[] = [];
    const claims = new Map<string, string>();
    for (const { job, seen } of (await this.#strays(unexpected)).slice(0, CLAIMS_A_LOOK)) {
      const claimer = this.#claims.get(job.id) ?? (await this.#claimer(job));
      if (claimer !== null) claims.set(job.id, claimer);
      if (claimer === seen.slurmJobId) {
        updates.push(adoption(job, claimer));
        if (isActiveState(job.state) && job.slurmJobId !== null) cancel.push(job.slurmJobId);
        if (job.cancelRequestedAt !== null) cancel.push(claimer);
      } else if (claimer === job.slurmJobId || (claimer === null && job.state === 'CANCELLED')) {
        if (seen.state !== null && isActiveState(seen.state)) cancel.push(seen.slurmJobId);
      }
    }
    this.#claims = claims;
    return { updates, cancel };
  }

  /**
   * The updates without false ends: if a batch script ended because its directory was claimed, the job continues under
   * the claimer's number. `current`: the jobs of the updates. Throws if a claim can't be read.
   */
  async withoutFalseEnds(
    updates: readonly JobUpdate[],
    current: ReadonlyMap<string, Job>,
  ): Promise<readonly JobUpdate[]> {
    let claimsLeft = CLAIMS_A_LOOK;
    const settled: JobUpdate[] = [];
    for await (const update of inTurns(updates)) {
      const job = current.get(update.jobId);
      if (job === undefined || update.apply(job).exitCode !== DOUBLE_EXIT_CODE) {
        settled.push(update);
      } else if (claimsLeft > 0) {
        claimsLeft -= 1;
        const claimer = await this.#claimer(job);
        // The command itself may have ended with this code.
        settled.push(claimer === null || claimer === job.slurmJobId ? update : adoption(job, claimer));
      }
    }
    return settled;
  }

  /** Jobs that Slurm shows under another number, if one of the two may have claimed the directory. */
  async #strays(unexpected: readonly JobObservation[]): Promise<readonly Stray[]> {
    const ids = new Set<string>();
    for await (const slice of slicesInTurns(unexpected))
      for (const { ownerId: id } of slice) if (id !== null) ids.add(id);
    const known = (await this.#jobs.getMany([...ids])).flatMap((job) => job ?? []);
    if (known.length === 0) return [];
    const tasks = await Promise.all(known.map(async (job) => (isArray(job) ? this.#jobs.tasks(job.id) : [job])));
    const byPlace = new Map(tasks.flat().map((job) => [`${ownerId(job)} ${job.arrayTaskId ?? ''}`, job]));
    const strays: Stray[] = [];
    for await (const slice of slicesInTurns(unexpected)) {
      for (const seen of slice) {
        const job = byPlace.get(`${seen.ownerId} ${seen.slurmJobId.split('_')[1] ?? ''}`);
        if (job !== undefined && isStray(job, seen)) strays.push({ job, seen });
      }
    }
    return strays;
  }

  async #claimer(job: Job): Promise<string | null> {
    return job.workDir === null ? null : this.#records.claimer(job.workDir, job.arrayTaskId);
  }
}

function isStray(job: Job, seen: JobObservation): boolean {
  // Without a number, it is still being submitted.
  if (job.slurmJobId === null || job.slurmJobId === seen.slurmJobId) return false;
  // It has ended by itself.
  if (seen.exitCode === DOUBLE_EXIT_CODE) return false;
  return !NOT_BEGUN.has(job.state) || (seen.state !== null && !NOT_BEGUN.has(seen.state));
}

/** The job under its new number, of which only its beginning is known yet. */
function adoption(job: Job, claimer: string): JobUpdate {
  return {
    jobId: job.id,
    apply: (current) => ({
      ...current,
      slurmJobId: claimer,
      state: current.cancelRequestedAt === null ? 'RUNNING' : 'CANCELLING',
      evidence: { source: 'MARKER', word: null, seenAt: new Date() },
      reason: null,
      exitCode: null,
      signal: null,
      startedAt: null,
      endedAt: null,
      nodeList: null,
    }),
    message: `Slurm job ${job.slurmJobId} is a double: ${claimer} does the work`,
  };
}
