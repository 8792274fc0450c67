import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import { SYSTEM } from '../domain/actor.ts';
import type { ClusterSettings } from '../domain/cluster.ts';
import type { Job } from '../domain/job.ts';
import type { Journal } from '../events/index.ts';
import type { Staging } from '../projects/index.ts';
import { environmentFile, type SlurmSubmission, type SubmitAnswer } from '../slurm/index.ts';
import type { RemoteFiles } from '../ssh/index.ts';
import type { JobReader } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { LongUnpackings } from './long-unpackings.ts';
import { SubmissionDoubts } from './submission-doubts.ts';
import type { SubmissionFaults } from './submission-faults.ts';
import { isBeingSubmitted, recordAccepted, recordNeverTaken, recordReason } from './submission-outcome.ts';
import type { SubmissionRetries } from './submission-retries.ts';
import { AGAIN, CANCELLED_ON_THE_WAY, FILES_GONE, GIVEN_UP, NOT_KNOWN, STILL_UNPACKED } from './submission-words.ts';
import { factsOf, scriptOf, submitRequest } from './submit-request.ts';
import { unpacked } from './unpacking.ts';

const SMALL_FILE = { mode: 0o600, timeoutMs: 60_000 };
const SOURCE_FILE = { mode: 0o600, timeoutMs: 15 * 60_000 };
/** What sbatch doesn't survive so often, it won't survive the next time. */
const MAX_LOST = 5;
/** So often a running sbatch is looked at, then the job is looked for in Slurm, too. */
const MAX_LOOKS = 15;

/** A job whose files are on the cluster; or that was handed to sbatch before, which left word of it. */
export interface Prepared {
  readonly job: Job;
  readonly workDir: string;
  readonly isSubmitted: boolean;
  /** Of the small files' names until the project is unpacked; of each attempt its own, as an earlier one may still go on. */
  readonly suffix: string;
}

export interface SubmissionStepsOptions {
  readonly settings: ClusterSettings;
  readonly slurm: SlurmSubmission;
  readonly files: Pick<RemoteFiles, 'write'>;
  readonly jobs: JobReader;
  readonly journal: Journal;
  readonly staging: Pick<Staging, 'open' | 'has' | 'remove'>;
  readonly faults: SubmissionFaults;
  readonly retries: SubmissionRetries;
  readonly longUnpackings: LongUnpackings;
  readonly log: Logger;
  /** Of the cluster; null: not known. */
  readonly slurmVersion: () => string | null;
  /** A job that Slurm doesn't show in two looks this far apart was never taken. */
  readonly certainlyAbsentMs: number;
  /** Between two looks at what is being unpacked, or at an sbatch that takes long. */
  readonly lookMs: number;
  /** Slurm took a job. `isNew`: just now; else its number may be days old. */
  onAccepted(job: Job, isNew: boolean): void;
}

/**
 * The three steps of a submission: upload the files, unpack them, then run sbatch. Each may be interrupted anywhere and
 * repeated at any time, also after a restart: what is on the cluster shows how far they got.
 */
export class SubmissionSteps {
  readonly #options: SubmissionStepsOptions;
  readonly #doubts: SubmissionDoubts;
  /** However many are followed, they take one of the connection's few commands. */
  readonly #looks = pLimit(1);

  constructor(options: SubmissionStepsOptions) {
    this.#options = options;
    this.#doubts = new SubmissionDoubts(options.certainlyAbsentMs);
  }

  /** Brings a job's files to the cluster. Null: there is nothing to hand to Slurm. */
  async prepare(jobId: string, workspace: string): Promise<Prepared | null> {
    const { slurm, jobs, journal } = this.#options;
    const recorded = await jobs.get(jobId);
    if (recorded === null || !isBeingSubmitted(recorded)) return null;
    const workDir = recorded.workDir ?? `${workspace}/jobs/${jobId}`;
    const job = await journal.write(SYSTEM, (writer) =>
      // A request to cancel may have ended it meanwhile.
      writer.update(jobId, (current) => (isBeingSubmitted(current) ? { ...current, workDir } : current)),
    );
    if (!isBeingSubmitted(job)) return null;
    const { isSubmitted, isUploaded } = await slurm.makeJobDirectory(workDir);
    const suffix = `.${randomBytes(8).toString('hex')}`;
    if (!isSubmitted && job.cancelRequestedAt === null) {
      if (!isUploaded && !(await this.#options.staging.has(jobId))) {
        await this.#neverTaken(job, workDir, 'SUBMIT_FAILED', FILES_GONE);
        return null;
      }
      await this.#upload(job, workDir, suffix, isUploaded);
    }
    return { job, workDir, isSubmitted, suffix };
  }

  /**
   * Unpacks the files of a job. False: there is nothing to hand to Slurm, or not yet. `isLong`: whether it may take long;
   * `isReachable`: whether there is somebody to ask; `signal`: nobody waits any more; `hasEnded`: a look said so.
   */
  async unpack(
    { job, workDir, isSubmitted, suffix }: Prepared,
    isLong: boolean,
    isReachable: () => boolean,
    signal: AbortSignal,
    hasEnded = false,
  ): Promise<boolean> {
    if (isSubmitted) return true;
    const { slurm, journal, lookMs, longUnpackings } = this.#options;
    const isWanted = async () => isReachable() && !(await this.#isCancelled(job.id));
    const countRestart = () => longUnpackings.restarted(job.id);
    const fault = await unpacked({ slurm, workDir, isLong, hasEnded, suffix, isWanted, countRestart, signal, lookMs });
    if (fault === 'later') {
      longUnpackings.lasts(job.id, performance.now());
      await recordReason(journal, job.id, STILL_UNPACKED);
      return false;
    }
    // Nobody who could be asked is there any more: then it may go on.
    if (isReachable()) longUnpackings.settle(job.id);
    if (fault === null) return true;
    const reason = fault.isFault ? this.#givenUp(job.id, fault.message) : fault.message;
    if (reason === null) throw new Error(`${fault.message}. ${AGAIN}`);
    await this.#neverTaken(job, workDir, 'SUBMIT_FAILED', reason);
    return false;
  }

  /**
   * Runs sbatch at most once; what it answers is for `conclude`. `running`: it takes longer, see `follow`; `cancelled`: it
   * wasn't run, as nobody wants the job any more.
   */
  async hand({ job, workDir }: Prepared): Promise<SubmitAnswer | 'running' | 'cancelled'> {
    // Until sbatch has been started nothing runs, so the request is fulfilled by not starting it.
    if (await this.#isCancelled(job.id)) return 'cancelled';
    const answer = await this.#ask(job, workDir);
    return answer.kind === 'running' ? 'running' : answer;
  }

  /**
   * Records what `hand` told. `reset`: Slurm certainly doesn't have the job, and its directory is ready for another
   * attempt; `done`: there is an answer, or none can be had now.
   */
  async conclude({ job, workDir }: Prepared, answer: SubmitAnswer | 'cancelled'): Promise<'done' | 'reset'> {
    if (answer !== 'cancelled') return this.#conclude(job, workDir, answer, true);
    await this.#neverTaken(job, workDir, 'CANCELLED', CANCELLED_ON_THE_WAY);
    return 'done';
  }

  /**
   * Waits for an sbatch that was started before, or kills it if the job is cancelled. Other jobs needn't wait for it.
   * Parameters as those of `unpack`, answers as those of `conclude`.
   */
  async follow({ job, workDir }: Prepared, isReachable: () => boolean, signal: AbortSignal): Promise<'done' | 'reset'> {
    const { slurm, journal, lookMs } = this.#options;
    for (let look = 1; isReachable(); look += 1) {
      const isCancelled = await this.#isCancelled(job.id);
      const answer = await this.#looks(() => slurm.answer(workDir, isCancelled));
      if (answer.kind !== 'running' || look >= MAX_LOOKS) return this.#conclude(job, workDir, answer);
      await recordReason(journal, job.id, `${NOT_KNOWN}: ${answer.message}`);
      await pause(lookMs, undefined, { signal }).catch(() => undefined);
    }
    return 'done';
  }

  async #conclude(job: Job, workDir: string, answer: SubmitAnswer, isNew = false): Promise<'done' | 'reset'> {
    const { slurm, journal, faults } = this.#options;
    switch (answer.kind) {
      case 'accepted':
        await this.#accepted(job, answer.slurmJobId, answer.message, isNew);
        return 'done';
      case 'rejected':
        faults.answered();
        await this.#neverTaken(job, workDir, 'SUBMIT_FAILED', answer.message);
        return 'done';
      case 'not-asked':
        await faults.failed(job.id, answer.message);
        // Throws while Slurm is still away: what has been uploaded stays until it is back.
        if (await this.#isFound(job, workDir)) return 'done';
        break;
      case 'running':
      case 'unknown': {
        const doubt = `${NOT_KNOWN}: ${answer.message}`;
        const isFault = answer.kind === 'unknown' && answer.isFault;
        await (isFault ? faults.failed(job.id, doubt) : recordReason(journal, job.id, doubt));
        if (await this.#isFound(job, workDir)) return 'done';
        if (!this.#doubts.isAbsent(job.id, performance.now())) return 'done';
        if (await this.#isCancelled(job.id)) {
          await this.#neverTaken(job, workDir, 'CANCELLED', CANCELLED_ON_THE_WAY);
          return 'done';
        }
        if (isFault) return this.#tryLater(job, workDir, answer.message);
        break;
      }
    }
    this.#doubts.settle(job.id);
    const isLost = answer.kind !== 'not-asked';
    const lost = await slurm.reset(workDir, isLost);
    if (isLost && lost >= MAX_LOST) {
      const seen = `sbatch was run ${lost} times, and ended each time without an answer and without a job in Slurm`;
      const advice =
        'See why on the login node (limits on memory or time, a file system that hangs, a broken wrapper), then submit it again';
      await this.#neverTaken(job, workDir, 'SUBMIT_FAILED', `${seen}, the last time: ${answer.message}. ${advice}`);
      return 'done';
    }
    return 'reset';
  }

  /** Slurm certainly doesn't have the job, and did not refuse it. */
  async #tryLater(job: Job, workDir: string, message: string): Promise<'done'> {
    const { slurm, faults } = this.#options;
    const reason = this.#givenUp(job.id, `Slurm doesn't have the job, because sbatch failed: ${message}`);
    if (reason !== null) {
      await this.#neverTaken(job, workDir, 'SUBMIT_FAILED', reason);
      return 'done';
    }
    this.#doubts.settle(job.id);
    await slurm.reset(workDir, false);
    await faults.failed(job.id, `Slurm doesn't have the job yet, because sbatch failed: ${message}. ${AGAIN}`);
    return 'done';
  }

  /** Notes a fault that may go away. Null: the job is tried again; else why it isn't any more. */
  #givenUp(jobId: string, message: string): string | null {
    return this.#options.retries.failed(jobId, performance.now()) ? `${message}. ${GIVEN_UP}` : null;
  }

  /** `hasSource`: the project has arrived before. */
  async #upload(job: Job, workDir: string, suffix: string, hasSource: boolean): Promise<void> {
    const { settings, files, journal, staging } = this.#options;
    const submission = await this.#submission(job);
    const script = scriptOf(settings, job, submission, workDir);
    const facts = factsOf(settings, this.#options.slurmVersion());
    await journal.write(SYSTEM, (writer) => writer.setScript(job.id, script, facts));
    const writes = [
      files.write(`${workDir}/job.sh${suffix}`, Buffer.from(script), SMALL_FILE),
      files.write(
        `${workDir}/environment.sh${suffix}`,
        Buffer.from(environmentFile(submission.environment)),
        SMALL_FILE,
      ),
    ];
    if (!hasSource) writes.push(files.write(`${workDir}/source.tar.gz`, staging.open(job.id), SOURCE_FILE));
    // Waits for all of them: one that goes on would write into what the next attempt sends.
    await Promise.allSettled(writes);
    await Promise.all(writes);
  }

  async #ask(job: Job, workDir: string) {
    const { slurm, jobs } = this.#options;
    return slurm.submit(await submitRequest(jobs, job, await this.#submission(job), workDir));
  }

  /** sbatch's answer doesn't tell: looks whether Slurm has the job, before anything is done twice. */
  async #isFound(job: Job, workDir: string): Promise<boolean> {
    const { slurmJobId, sbatch } = await this.#options.slurm.find(workDir, job.id);
    if (slurmJobId === null) this.#doubts.foundNothing(job.id, sbatch, performance.now());
    else await this.#accepted(job, slurmJobId, null);
    return slurmJobId !== null;
  }

  async #accepted(job: Job, slurmJobId: string, message: string | null, isNew = false): Promise<void> {
    const { journal, faults, retries } = this.#options;
    this.#doubts.settle(job.id);
    faults.answered();
    retries.accepted(job.id);
    const accepted = await recordAccepted(journal, job.id, slurmJobId, message);
    this.#options.onAccepted(accepted, isNew);
    await this.#removeFiles(job.id);
  }

  /** Without its directory, nothing that is still under way can bring Slurm the job. */
  async #neverTaken(job: Job, workDir: string, state: 'SUBMIT_FAILED' | 'CANCELLED', reason: string): Promise<void> {
    const { slurm, journal, longUnpackings } = this.#options;
    await slurm.removeJobDirectory(workDir);
    this.#doubts.settle(job.id);
    longUnpackings.settle(job.id);
    await recordNeverTaken(journal, job.id, state, reason);
    await this.#removeFiles(job.id);
  }

  /** Never throws, as the outcome is recorded by then: what can't be removed now is removed by a sweep. */
  async #removeFiles(jobId: string): Promise<void> {
    const { settings, staging, log } = this.#options;
    await staging
      .remove(jobId)
      .catch((cause) =>
        log.warn({ err: cause, job: jobId }, `${settings.name}: the files of a job can't be removed yet`),
      );
  }

  async #isCancelled(jobId: string): Promise<boolean> {
    return (await this.#options.jobs.get(jobId))?.cancelRequestedAt != null;
  }

  async #submission(job: Job) {
    const submission = await this.#options.jobs.submissions.get(job.id);
    if (submission === null) throw new Error(`Job ${job.id} was recorded without a submission`);
    return submission;
  }
}
