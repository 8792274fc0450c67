import { ulid } from 'ulid';
import { arrayTaskIds } from '../domain/array-spec.ts';
import type { ClusterSettings } from '../domain/cluster.ts';
import { isArray, type Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import type { Journal } from '../events/index.ts';
import type { Staging } from '../projects/index.ts';
import { batchScript, environmentFile, type SlurmAdapter } from '../slurm/index.ts';
import type { RemoteFiles } from '../ssh/index.ts';
import type { JobQueries } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';

const SMALL_FILE = { mode: 0o600, timeoutMs: 60_000 };
const SOURCE_FILE = { mode: 0o600, timeoutMs: 15 * 60_000 };
const RETRY_MS = 15_000;
/** A job that Slurm doesn't show in two looks this far apart was never taken. */
const CERTAINLY_ABSENT_MS = 60_000;

export interface SubmitterOptions {
  readonly settings: ClusterSettings;
  readonly slurm: SlurmAdapter;
  readonly files: RemoteFiles;
  readonly jobs: JobQueries;
  readonly journal: Journal;
  readonly staging: Staging;
  readonly log: Logger;
  /** Slurm took a job. */
  onAccepted(job: Job): void;
}

/**
 * Brings recorded jobs to Slurm, one at a time and each exactly once: a job stays SUBMITTING until Slurm has said yes
 * or no, through broken connections and restarts of the server.
 */
export class Submitter {
  readonly #options: SubmitterOptions;
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #absentSince = new Map<string, number>();
  #workspace: string | null = null;
  #working: Promise<void> | null = null;
  #retry: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: SubmitterOptions) {
    this.#options = options;
  }

  /** The cluster can be asked; `workspace` is absolute. Takes up every job that isn't through yet. */
  connected(workspace: string): void {
    this.#workspace = workspace;
    this.#work();
  }

  disconnected(): void {
    this.#workspace = null;
  }

  /** Takes up a recorded job. Resolves once Slurm has answered, or one attempt to ask it has failed. */
  async submit(jobId: string): Promise<void> {
    const waiting = this.#waiting.get(jobId) ?? Promise.withResolvers<void>();
    this.#waiting.set(jobId, waiting);
    this.#work();
    return waiting.promise;
  }

  /** What is under way on the cluster goes on there; the next start picks it up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    await this.#working;
    for (const { resolve } of this.#waiting.values()) resolve();
    this.#waiting.clear();
  }

  #work(): void {
    if (this.#working !== null || this.#isStopped) return;
    clearTimeout(this.#retry);
    this.#working = this.#bringAll().then((unanswered) => {
      this.#working = null;
      if (this.#isStopped || this.#workspace === null || unanswered.length === 0) return;
      // A job that came while the last one was on its way waits for nothing.
      if (unanswered.some((job) => this.#waiting.has(job.id))) this.#work();
      else this.#retry = setTimeout(() => this.#work(), RETRY_MS);
    });
  }

  /** One attempt for every job that waits, oldest first; gives those still without an answer. Never throws. */
  async #bringAll(): Promise<readonly Job[]> {
    const { jobs, settings, log } = this.#options;
    const unanswered = async () => (await jobs.active(settings.name)).filter(isUnanswered);
    try {
      for (const { id } of await unanswered()) {
        const workspace = this.#workspace;
        if (this.#isStopped || workspace === null) break;
        try {
          await this.#bring(id, workspace);
        } catch (cause) {
          log.warn({ err: cause, job: id }, `${settings.name}: a submission is not through yet`);
          await this.#note(id, cause instanceof Error ? cause.message : String(cause));
        }
        this.#waiting.get(id)?.resolve();
        this.#waiting.delete(id);
      }
      return await unanswered();
    } catch (cause) {
      log.error({ err: cause }, `${settings.name}: the store can't be read`);
      return [];
    }
  }

  async #bring(jobId: string, workspace: string): Promise<void> {
    const { slurm, jobs, journal } = this.#options;
    const recorded = await jobs.get(jobId);
    if (recorded === null || !isUnanswered(recorded)) return;
    const workDir = recorded.workDir ?? `${workspace}/jobs/${jobId}`;
    const job = await journal.write((writer) =>
      // A request to cancel may have ended it meanwhile.
      writer.update(jobId, (current) => (isUnanswered(current) ? { ...current, workDir } : current)),
    );
    if (!isUnanswered(job)) return;
    const { isSubmitted } = await slurm.makeFolder(workDir);
    if (!isSubmitted) {
      if (job.cancelRequestedAt === null) await this.#upload(job, workDir);
      // Until sbatch has been started nothing runs, so the request is fulfilled by not starting it.
      if ((await jobs.get(jobId))?.cancelRequestedAt != null) return this.#abandon(job, workDir);
    }
    const answer = await this.#hand(job, workDir);
    switch (answer.kind) {
      case 'accepted':
        return this.#accepted(job, answer.slurmJobId);
      case 'rejected':
        await slurm.removeFolder(workDir);
        return this.#rejected(job, answer.message);
      case 'unknown':
        return this.#resolveDoubt(job, workDir, answer.message);
    }
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

  async #hand(job: Job, workDir: string) {
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
      extraOptions: submission.extraOptions,
    });
  }

  /** sbatch's answer was lost. Whether Slurm has the job is found out before anything is done twice. */
  async #resolveDoubt(job: Job, workDir: string, message: string): Promise<void> {
    const { slurm } = this.#options;
    const { slurmJobId, isSbatchOver } = await slurm.findSubmitted(workDir, job.slurmName);
    if (slurmJobId !== null) return this.#accepted(job, slurmJobId);
    const since = this.#absentSince.get(job.id) ?? Date.now();
    this.#absentSince.set(job.id, since);
    if (isSbatchOver && Date.now() - since >= CERTAINLY_ABSENT_MS) {
      this.#absentSince.delete(job.id);
      await slurm.resetSubmit(workDir);
    }
    await this.#note(job.id, `Not known yet whether Slurm took it: ${message}`);
  }

  async #accepted(job: Job, slurmJobId: string): Promise<void> {
    this.#absentSince.delete(job.id);
    const accepted = await this.#options.journal.write(async (writer) => {
      const after = await writer.update(job.id, (current) => ({
        ...current,
        slurmJobId,
        state: current.cancelRequestedAt === null ? 'PENDING' : 'CANCELLING',
        reason: null,
      }));
      await writer.create(
        arrayTasks(after, slurmJobId).map((task) => ({ job: task, idempotencyKey: null, submission: null })),
      );
      return after;
    });
    await this.#options.staging.remove(job.id);
    this.#options.onAccepted(accepted);
  }

  /** Cancelled on its way: sbatch was never run for it. */
  async #abandon(job: Job, workDir: string): Promise<void> {
    const { slurm, journal, staging } = this.#options;
    await slurm.removeFolder(workDir);
    const end = { state: 'CANCELLED', reason: 'Cancelled before it was sent', workDir: null } as const;
    await journal.write((writer) => writer.update(job.id, (current) => ({ ...current, ...end, endedAt: new Date() })));
    await staging.remove(job.id);
  }

  async #rejected(job: Job, reason: string): Promise<void> {
    const { journal, staging } = this.#options;
    await journal.write((writer) =>
      writer.update(job.id, (current) => ({
        ...current,
        state: 'SUBMIT_FAILED',
        reason,
        workDir: null,
        endedAt: new Date(),
      })),
    );
    await staging.remove(job.id);
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

/** A job of its own for each task: it starts out as its array does. */
function arrayTasks(array: Job, slurmJobId: string): Job[] {
  if (!isArray(array)) return [];
  return (arrayTaskIds(array.resources.array ?? '') ?? []).map((task) => ({
    ...array,
    id: ulid(),
    slurmJobId: `${slurmJobId}_${task}`,
    arrayParentId: array.id,
    arrayTaskId: task,
  }));
}
