import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { ownerId } from '../domain/observation.ts';
import { messageOf } from '../domain/thrown.ts';
import { type Claimer, DOUBLE_EXIT_CODE, type JobRecords, SlurmUnavailable, type Unreadable } from '../slurm/index.ts';
import type { JobReader } from '../store/index.ts';
import type { Unexpected } from './comparison.ts';
import { FairTurns } from './fair-turns.ts';
import type { JobUpdate } from './observe.ts';
import { Strays } from './strays.ts';
import { inTurns } from './turns.ts';

/** With one command. */
const CLAIMS_A_WRITE = 200;

/**
 * Resolves jobs for which sbatch ran twice, if the stored number is not that of the Slurm job that does the work: the
 * claim in the job's directory names that one. Its number becomes the job's, and the other Slurm job is cancelled. While
 * a claim can't be read, its job stays as it is.
 */
export class Doubles {
  readonly #records: JobRecords;
  readonly #strays: Strays;
  readonly #turns = new FairTurns();
  /** By job, while it has doubles: a claim never changes. */
  #claims: ReadonlyMap<string, string> = new Map();
  /** By job, why the claim can't be read that its end waits for. */
  readonly #unreadEnds = new Map<string, string>();
  /** Why a claim could not be read in the last look. */
  #unreadStray: string | null = null;

  constructor(clusterName: string, records: JobRecords, jobs: JobReader) {
    this.#records = records;
    this.#strays = new Strays(clusterName, jobs);
  }

  /** Why claims that are needed can't be read; null: all can. */
  get fault(): Error | null {
    const [message = this.#unreadStray] = this.#unreadEnds.values();
    return message === null ? null : new SlurmUnavailable(message);
  }

  /** The consequences of observations with unknown numbers; `cancel`: the doubles to end. */
  async look(
    unexpected: Unexpected,
  ): Promise<{ readonly updates: readonly JobUpdate[]; readonly cancel: readonly string[] }> {
    const updates: JobUpdate[] = [];
    const cancel: string[] = [];
    const known = new Map<string, string>();
    const strays = await this.#strays.find(unexpected);
    const asked = await this.#claimsOf(strays.flatMap(({ job }) => (this.#claims.has(job.id) ? [] : [job])));
    this.#unreadStray = null;
    for (const { job, seen } of strays) {
      const claimer = this.#claims.get(job.id) ?? asked.get(job.id) ?? null;
      if (isUnreadable(claimer)) {
        this.#unreadStray ??= claimer.unreadable;
        continue;
      }
      if (claimer !== null) known.set(job.id, claimer);
      if (claimer === seen.slurmJobId) {
        updates.push(adoption(job, claimer));
        if (isActiveState(job.state) && job.slurmJobId !== null) cancel.push(job.slurmJobId);
        if (job.cancelRequestedAt !== null) cancel.push(claimer);
      } else if (claimer === job.slurmJobId || (claimer === null && job.state === 'CANCELLED')) {
        if (seen.state !== null && isActiveState(seen.state)) cancel.push(seen.slurmJobId);
      }
    }
    this.#claims = known;
    return { updates, cancel };
  }

  /**
   * The updates without those of doubles: if a batch script ended because its directory was claimed, the job continues
   * under the claimer's number. `current`: the jobs of the updates. Some hundred claims are read; an end whose claim isn't
   * read, or can't be, is left out until Slurm shows it again.
   */
  async withoutFalseEnds(
    updates: readonly JobUpdate[],
    current: ReadonlyMap<string, Job>,
  ): Promise<readonly JobUpdate[]> {
    for (const id of this.#unreadEnds.keys()) if (!current.has(id)) this.#unreadEnds.delete(id);
    const settled: JobUpdate[] = [];
    const doubtful: { readonly update: JobUpdate; readonly job: Job }[] = [];
    for await (const update of inTurns(updates)) {
      const job = current.get(update.jobId);
      // The job has got another number since Slurm was asked about this one, which is that of a double.
      if (update.slurmJobId !== null && job !== undefined && job.slurmJobId !== update.slurmJobId) continue;
      const after = job === undefined ? undefined : update.apply(job);
      if (job !== undefined && after?.exitCode === DOUBLE_EXIT_CODE) {
        doubtful.push({ update, job });
        continue;
      }
      settled.push(update);
      if (after !== job) this.#unreadEnds.delete(update.jobId);
    }
    const asked = await this.#turns.take(doubtful, ({ job }) => ownerId(job), CLAIMS_A_WRITE);
    const claims = await this.#claimsOf(asked.map(({ job }) => job));
    for (const { update, job } of asked) {
      const claimer = claims.get(job.id) ?? null;
      if (isUnreadable(claimer)) {
        this.#unreadEnds.set(job.id, claimer.unreadable);
        continue;
      }
      this.#unreadEnds.delete(job.id);
      // The command itself may have ended with this code.
      settled.push(claimer === null || claimer === job.slurmJobId ? update : adoption(job, claimer));
    }
    return settled;
  }

  /** By job, without those that have no directory yet. */
  async #claimsOf(jobs: readonly Job[]): Promise<ReadonlyMap<string, Claimer>> {
    const places = jobs.flatMap(({ id, workDir, arrayTaskId }) =>
      workDir === null ? [] : [{ id, workDir, arrayTaskId }],
    );
    if (places.length === 0) return new Map();
    try {
      const claimers = await this.#records.claimers(places);
      return new Map(places.map(({ id }, index) => [id, claimers[index] ?? null]));
    } catch (cause) {
      const unreadable = messageOf(cause);
      return new Map(places.map(({ id }) => [id, { unreadable }]));
    }
  }
}

function isUnreadable(claimer: Claimer): claimer is Unreadable {
  return typeof claimer === 'object' && claimer !== null;
}

/** The job under its new number, of which only its beginning is known yet. */
function adoption(job: Job, claimer: string): JobUpdate {
  return {
    jobId: job.id,
    slurmJobId: null,
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
      allocated: null,
    }),
    message: `Slurm job ${job.slurmJobId} is a double: ${claimer} does the work`,
  };
}
