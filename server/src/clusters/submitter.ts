import pLimit from 'p-limit';
import { ulid } from 'ulid';
import { arrayTaskIds } from '../domain/array-spec.ts';
import type { ClusterSettings } from '../domain/cluster.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { Journal } from '../events/index.ts';
import { Lanes, type Staging } from '../projects/index.ts';
import { batchScript, environmentFile, type SlurmAdapter } from '../slurm/index.ts';
import type { RemoteFiles } from '../ssh/index.ts';
import { batches, type JobQueries } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';

const SMALL_FILE = { mode: 0o600, timeoutMs: 60_000 };
const SOURCE_FILE = { mode: 0o600, timeoutMs: 15 * 60_000 };
/** How long is waited for what. */
const DELAYS = {
  /** Before the jobs without an answer are tried again. */
  retryMs: 15_000,
  /** A job that Slurm doesn't show in two looks this far apart was never taken. */
  certainlyAbsentMs: 60_000,
};
/** What sbatch doesn't survive so often, it won't survive the next time. */
const MAX_LOST = 5;
/** Where this login node can't see whether sbatch is at work on another: longer than it can be. */
const ABANDONED_MS = 15 * 60_000;

/** So many are recorded before the event loop turns. */
const TASKS_A_TURN = 100;

const FILES_GONE =
  'The server no longer has the files of this job (the data directory, staging), so it could not be sent: submit it again';
const CANCELLED_ON_THE_WAY = 'Cancelled before Slurm had it';

/** What is known of a submission whose answer was lost, as of this server's clock. */
interface Doubt {
  readonly since: number;
  /** The first look that showed no job and sbatch over. */
  absentSince: number | null;
}

/** A job whose files are on the cluster; or that was handed to sbatch before, which left word of it. */
interface Prepared {
  readonly job: Job;
  readonly workDir: string;
  readonly isSubmitted: boolean;
}

export interface SubmitterOptions {
  readonly settings: ClusterSettings;
  readonly slurm: SlurmAdapter;
  readonly files: Pick<RemoteFiles, 'write'>;
  readonly jobs: JobQueries;
  readonly journal: Journal;
  readonly staging: Pick<Staging, 'open' | 'has' | 'remove' | 'size'>;
  readonly log: Logger;
  /** Default: DELAYS. */
  readonly delays?: typeof DELAYS;
  /** Slurm took a job. */
  onAccepted(job: Job): void;
  /** What keeps jobs from Slurm, whenever that may have changed; null: nothing. */
  onFault(fault: string | null): void;
}

/** So many uploads go side by side. Over a connection without SFTP each takes one of its few commands. */
const UPLOADS = { small: 2, large: 1 };

/**
 * Brings recorded jobs to Slurm, each exactly once: a job stays SUBMITTING until Slurm has said yes or no, through broken
 * connections and restarts of the server. Files are sent side by side; sbatch is run for one job at a time.
 */
export class Submitter {
  readonly #options: SubmitterOptions;
  readonly #delays: typeof DELAYS;
  readonly #uploads = new Lanes(UPLOADS);
  readonly #turn = pLimit(1);
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #doubts = new Map<string, Doubt>();
  /** The attempts that are under way, by job. */
  readonly #attempts = new Map<string, Promise<void>>();
  #workspace: string | null = null;
  /** What kept jobs from Slurm when each was last tried: gone as soon as one of them gets through. */
  readonly #faults = new Map<string, string>();
  /** To be tried again as soon as the attempt that is under way has ended. */
  readonly #wanted = new Set<string>();
  #retry: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: SubmitterOptions) {
    this.#options = options;
    this.#delays = options.delays ?? DELAYS;
  }

  /** The cluster can be asked; `workspace` is absolute. Takes up every job that isn't through yet. */
  connected(workspace: string): void {
    this.#workspace = workspace;
    this.#tryAll();
  }

  disconnected(): void {
    this.#workspace = null;
  }

  /** Takes up a recorded job. Resolves once Slurm has answered, or one attempt to ask it has failed. */
  async submit(jobId: string): Promise<void> {
    // Whatever takes this one's place finds the job in the store.
    if (this.#isStopped) return;
    const waiting = this.#waiting.get(jobId) ?? Promise.withResolvers<void>();
    this.#waiting.set(jobId, waiting);
    this.#try(jobId);
    return waiting.promise;
  }

  /** Whatever waits to be tried again is tried now, or once what is under way has ended. */
  tryNow(): void {
    for (const jobId of this.#attempts.keys()) this.#wanted.add(jobId);
    this.#tryAll();
  }

  /** What is under way on the cluster goes on there; the next start picks it up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    await Promise.all(this.#attempts.values());
    for (const { resolve } of this.#waiting.values()) resolve();
    this.#waiting.clear();
  }

  /** The oldest first. */
  #tryAll(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const { id } of this.#unanswered()) this.#try(id);
  }

  #try(jobId: string): void {
    if (this.#isStopped || this.#workspace === null || this.#attempts.has(jobId)) return;
    this.#wanted.delete(jobId);
    const attempt = this.#attempt(jobId).then(() => {
      this.#attempts.delete(jobId);
      this.#plan(jobId);
    });
    this.#attempts.set(jobId, attempt);
  }

  /** After an attempt: the job is tried again at once, or after a while, as long as it has no answer. */
  #plan(jobId: string): void {
    for (const id of this.#faults.keys()) if (!this.#isLeft(id)) this.#faults.delete(id);
    this.#tell();
    if (this.#isStopped || this.#workspace === null || !this.#isLeft(jobId)) return;
    if (this.#wanted.has(jobId) || this.#waiting.has(jobId)) this.#try(jobId);
    else this.#retry ??= setTimeout(() => this.#tryAll(), this.#delays.retryMs);
  }

  #isLeft(jobId: string): boolean {
    const { journal, settings } = this.#options;
    const job = journal.active(settings.name).get(jobId);
    return job !== undefined && isUnanswered(job);
  }

  /** Never throws. */
  async #attempt(jobId: string): Promise<void> {
    const { settings, log } = this.#options;
    try {
      await this.#bring(jobId);
    } catch (cause) {
      log.warn({ err: cause, job: jobId }, `${settings.name}: a submission is not through yet`);
      await this.#failed(jobId, cause instanceof Error ? cause.message : String(cause)).catch((fault) =>
        log.error({ err: fault }, `${settings.name}: the store can't be used`),
      );
    }
    this.#waiting.get(jobId)?.resolve();
    this.#waiting.delete(jobId);
  }

  #unanswered(): readonly Job[] {
    const { journal, settings } = this.#options;
    return [...journal.active(settings.name).values()].filter(isUnanswered);
  }

  /** The workspace, for as long as there is somebody to ask. */
  get #reachable(): string | null {
    return this.#isStopped ? null : this.#workspace;
  }

  /** One attempt: its files in their turn, then sbatch in its own. */
  async #bring(jobId: string): Promise<void> {
    const size = await this.#options.staging.size(jobId);
    const prepared = await this.#uploads.run(size, () => this.#prepare(jobId));
    if (prepared === null) return;
    await this.#turn(async () => {
      if (this.#reachable !== null) await this.#hand(prepared);
    });
  }

  /** Brings a job's files to the cluster. Null: there is nothing to hand to Slurm. */
  async #prepare(jobId: string): Promise<Prepared | null> {
    const { slurm, jobs, journal } = this.#options;
    const workspace = this.#reachable;
    if (workspace === null) return null;
    const recorded = await jobs.get(jobId);
    if (recorded === null || !isUnanswered(recorded)) return null;
    const workDir = recorded.workDir ?? `${workspace}/jobs/${jobId}`;
    const job = await journal.write((writer) =>
      // A request to cancel may have ended it meanwhile.
      writer.update(jobId, (current) => (isUnanswered(current) ? { ...current, workDir } : current)),
    );
    if (!isUnanswered(job)) return null;
    const { isSubmitted } = await slurm.makeFolder(workDir);
    if (!isSubmitted && job.cancelRequestedAt === null) {
      if (!(await this.#options.staging.has(jobId))) {
        await this.#neverTaken(job, workDir, 'SUBMIT_FAILED', FILES_GONE);
        return null;
      }
      await this.#upload(job, workDir);
    }
    return { job, workDir, isSubmitted };
  }

  /** `isAgain`: sbatch has been given another chance in this attempt. */
  async #hand(prepared: Prepared, isAgain = false): Promise<void> {
    const { slurm, jobs } = this.#options;
    const { job, workDir, isSubmitted } = prepared;
    // Until sbatch has been started nothing runs, so the request is fulfilled by not starting it.
    if (!isSubmitted && (await jobs.get(job.id))?.cancelRequestedAt != null) {
      return this.#neverTaken(job, workDir, 'CANCELLED', CANCELLED_ON_THE_WAY);
    }
    const answer = await this.#ask(job, workDir);
    switch (answer.kind) {
      case 'accepted':
        return this.#accepted(job, answer.slurmJobId, answer.message);
      case 'rejected':
        this.#answered();
        return this.#neverTaken(job, workDir, 'SUBMIT_FAILED', answer.message);
      case 'not-asked':
        await this.#failed(job.id, answer.message);
        // Throws while Slurm is still away: what has been uploaded stays until it is back.
        if (await this.#isFound(job, workDir)) return;
        break;
      case 'unknown':
        await this.#note(job.id, `Not known yet whether Slurm took it: ${answer.message}`);
        if (await this.#isFound(job, workDir)) return;
        if (!this.#isAbsentForCertain(job.id)) return;
        if (answer.isRefusal) return this.#neverTaken(job, workDir, 'SUBMIT_FAILED', answer.message);
        break;
    }
    this.#doubts.delete(job.id);
    const lost = await slurm.resetSubmit(workDir, answer.kind === 'unknown');
    if (answer.kind === 'unknown' && lost >= MAX_LOST) {
      const seen = `sbatch was run ${lost} times, and ended each time without an answer and without a job in Slurm`;
      const advice = 'See why on the login node (limits on memory or time, a broken wrapper), then submit it again';
      return this.#neverTaken(job, workDir, 'SUBMIT_FAILED', `${seen}, the last time: ${answer.message}. ${advice}`);
    }
    if (isAgain) return;
    const again = await this.#prepare(job.id);
    if (again !== null) await this.#hand(again, true);
  }

  async #upload(job: Job, workDir: string): Promise<void> {
    const { settings, files, journal, staging } = this.#options;
    const submission = await this.#submission(job);
    const script = batchScript({
      jobId: job.id,
      workDir,
      clusterPrologue: settings.prologue ?? null,
      projectPrologue: submission.prologue,
      condaEnv: submission.condaEnv ?? settings.condaEnv ?? null,
      command: job.command,
    });
    await journal.write((writer) => writer.setScript(job.id, script));
    await files.write(`${workDir}/job.sh`, Buffer.from(script), SMALL_FILE);
    await files.write(`${workDir}/environment.sh`, Buffer.from(environmentFile(submission.environment)), SMALL_FILE);
    await files.write(`${workDir}/source.tar.gz`, staging.open(job.id), SOURCE_FILE);
  }

  /** Has sbatch run, at most once. */
  async #ask(job: Job, workDir: string) {
    const { slurm, jobs } = this.#options;
    const submission = await this.#submission(job);
    const dependencies = await jobs.getMany(submission.dependsOn.map(({ jobId }) => jobId));
    return slurm.submit({
      slurmName: job.slurmName,
      workDir,
      partition: job.partition,
      resources: job.resources,
      dependsOn: submission.dependsOn.flatMap(({ kind }, index) => {
        const slurmJobId = dependencies[index]?.slurmJobId ?? null;
        return slurmJobId === null ? [] : [{ slurmJobId, kind }];
      }),
      isSingleton: submission.isSingleton,
      extraOptions: submission.extraOptions,
      components: submission.components,
    });
  }

  /** sbatch's answer doesn't tell: looks whether Slurm has the job, before anything is done twice. */
  async #isFound(job: Job, workDir: string): Promise<boolean> {
    const { slurmJobId, sbatch } = await this.#options.slurm.findSubmitted(workDir, job.id);
    if (slurmJobId !== null) {
      await this.#accepted(job, slurmJobId, null);
      return true;
    }
    const now = performance.now();
    const doubt = this.#doubts.get(job.id) ?? { since: now, absentSince: null };
    this.#doubts.set(job.id, doubt);
    const isOver = sbatch === 'over' || (sbatch === 'elsewhere' && now - doubt.since >= ABANDONED_MS);
    doubt.absentSince = isOver ? (doubt.absentSince ?? now) : null;
    return false;
  }

  /** After a look that found nothing. */
  #isAbsentForCertain(jobId: string): boolean {
    const since = this.#doubts.get(jobId)?.absentSince ?? null;
    return since !== null && performance.now() - since >= this.#delays.certainlyAbsentMs;
  }

  /** `message`: what sbatch said besides; null: nothing that was heard. */
  async #accepted(job: Job, slurmJobId: string, message: string | null): Promise<void> {
    this.#doubts.delete(job.id);
    this.#answered();
    const accepted = await this.#options.journal.write(async (writer) => {
      const after = await writer.update(job.id, (current) => ({
        ...current,
        slurmJobId,
        state: current.cancelRequestedAt === null ? 'PENDING' : 'CANCELLING',
        evidence: { source: 'SBATCH', word: null, seenAt: new Date() },
        reason: null,
      }));
      if (message !== null) await writer.addSubmitMessage(job.id, message);
      // Each has the array's command, which may be long.
      for await (const ids of batches(arrayTaskIds(after.resources.array ?? '') ?? [], TASKS_A_TURN)) {
        const tasks = ids.map((id) => arrayTask(after, slurmJobId, id));
        await writer.create(tasks.map((job) => ({ job, idempotencyKey: null, submission: null })));
      }
      return after;
    });
    await this.#options.staging.remove(job.id);
    this.#options.onAccepted(accepted);
  }

  /** Slurm has no such job and gets none. Without its folder, nothing that is still under way can bring it one. */
  async #neverTaken(job: Job, workDir: string, state: 'SUBMIT_FAILED' | 'CANCELLED', reason: string): Promise<void> {
    const { slurm, journal, staging } = this.#options;
    await slurm.removeFolder(workDir);
    this.#doubts.delete(job.id);
    await journal.write((writer) =>
      writer.update(job.id, (current) => ({
        ...current,
        state,
        evidence: { source: 'SBATCH', word: null, seenAt: new Date() },
        reason,
        workDir: null,
        endedAt: new Date(),
      })),
    );
    await staging.remove(job.id);
  }

  /** The fault is the cluster's and not the job's. */
  async #failed(jobId: string, message: string): Promise<void> {
    this.#faults.set(jobId, message);
    await this.#note(jobId, message);
    this.#tell();
  }

  /** Slurm has taken a job or judged it: whatever kept jobs from it before does so no more, or is met again. */
  #answered(): void {
    this.#faults.clear();
    this.#tell();
  }

  #tell(): void {
    this.#options.onFault([...this.#faults.values()].at(-1) ?? null);
  }

  async #note(jobId: string, reason: string): Promise<void> {
    await this.#options.journal.write((writer) => writer.update(jobId, (current) => ({ ...current, reason })));
  }

  async #submission(job: Job) {
    const submission = await this.#options.jobs.submission(job.id);
    if (submission === null) throw new Error(`Job ${job.id} was recorded without a submission`);
    return submission;
  }
}

function isUnanswered(job: Job): boolean {
  return job.slurmJobId === null && job.arrayParentId === null && isActiveState(job.state);
}

/** It starts out as its array does. */
function arrayTask(array: Job, slurmJobId: string, arrayTaskId: number): Job {
  return { ...array, id: ulid(), slurmJobId: `${slurmJobId}_${arrayTaskId}`, arrayParentId: array.id, arrayTaskId };
}
