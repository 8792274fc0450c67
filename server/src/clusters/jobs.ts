import pLimit from 'p-limit';
import type { ClusterSettings } from '../domain/cluster.ts';
import type { Job } from '../domain/job.ts';
import { Poller } from '../poller/index.ts';
import {
  type JobControl,
  ShownJobs,
  type Slurm,
  SlurmUnavailable,
  type SubmitPreview,
  tellsOfNoAnswer,
} from '../slurm/index.ts';
import { Gate, type SshConnection } from '../ssh/index.ts';
import type { JobReader } from '../store/index.ts';
import { ActivityWatch } from './activity.ts';
import { Cancellations, type Cancelled } from './cancellations.ts';
import type { Health } from './health.ts';
import type { LastKnown } from './last-known.ts';
import type { ClusterParts } from './parts.ts';
import type { Pulse } from './pulse.ts';
import { type SubmittedJob, type SubmittedWith, scriptOf, submitRequest } from './submit-request.ts';
import { Submitter } from './submitter.ts';

/** Slurm looks for a place for each: one at a time is asked for, and so many wait at most. */
const MOST_PREVIEWS_WAITING = 20;

/** So many requests to hold, release or requeue jobs are carried out side by side. */
const CONTROLLED_TOGETHER = 2;

export interface ClusterJobsOptions {
  readonly settings: ClusterSettings;
  readonly parts: Omit<ClusterParts, 'sshEnvironment'>;
  readonly slurm: Slurm;
  readonly connection: Pick<SshConnection, 'state' | 'files' | 'wanted'>;
  readonly health: Health;
  readonly known: LastKnown;
  readonly pulse: Pulse;
  /** Slurm has answered: what waited for that may be retried. */
  onAnswered(): void;
  /** The cluster's health may have changed. */
  onChange(): void;
}

/** Who waits for a preview. */
export interface PreviewAsker {
  /** Reads for them. */
  readonly jobs: JobReader;
  /** Aborted once they don't wait any more. */
  readonly signal: AbortSignal;
}

/** The jobs of one cluster: their submission, cancellation and control, and the poller that follows them. */
export class ClusterJobs {
  readonly #options: ClusterJobsOptions;
  readonly #poller: Poller;
  readonly #submitter: Submitter;
  readonly #activity: ActivityWatch;
  readonly #cancellations: Cancellations;
  readonly #turns = pLimit(CONTROLLED_TOGETHER);
  readonly #previews = new Gate(1, MOST_PREVIEWS_WAITING);
  /** Absolute; null: not known now. */
  #workspace: string | null = null;
  #isConnected = false;

  constructor(options: ClusterJobsOptions) {
    this.#options = options;
    const { settings, parts, slurm, connection, health, pulse, onChange } = options;
    const { journal, log, staging } = parts;
    const { jobs } = parts.store;
    const clusterName = settings.name;
    this.#poller = new Poller({
      ...{ clusterName, intervalSeconds: settings.pollIntervalSeconds, slurm, jobs, journal, log },
      onAnswer: (fault) => this.#polled(fault),
      onAccounting: () => {
        const { accountingFault, recordsFault } = this.#poller;
        health.report({ accounting: accountingFault, records: recordsFault });
        onChange();
      },
    });
    this.#submitter = new Submitter({
      ...{ settings, slurm: slurm.submission, files: connection.files, jobs, journal, staging, log },
      slurmVersion: () => options.known.slurmVersion,
      onAccepted: (job, isNew) => this.#accepted(job, isNew),
      onFault: (fault) => this.#submissionsTried(fault),
    });
    this.#activity = new ActivityWatch({
      files: connection.files,
      hasActiveJobs: () => journal.active(clusterName).size > 0,
      onActivity: () => {
        this.#poller.noticed();
        pulse.nudge();
      },
      onFault: (cause) => log.warn({ err: cause }, `${clusterName}: ends of jobs are seen late, at the poll interval`),
    });
    this.#cancellations = new Cancellations({ clusterName, slurm, journal, log });
  }

  /** The login can be used. `workspace` is absolute. */
  connected(workspace: string): void {
    this.#isConnected = true;
    this.#workspace = workspace;
    this.#submitter.connected(workspace);
    this.#poller.connected();
    this.#activity.start(workspace);
    void this.#cancellations.repeat();
  }

  /** Whether they are followed: polled, or about to be once the cluster can be reached. */
  get isPolling(): boolean {
    return this.#poller.isRunning;
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#workspace = null;
    this.#poller.disconnected();
    this.#submitter.disconnected();
    this.#activity.stop();
  }

  /** Resolves once nothing is in progress. */
  async stop(): Promise<void> {
    this.disconnected();
    await Promise.all([this.#poller.stop(), this.#submitter.stop(), this.#activity.stopped()]);
  }

  /** Retries now what last failed, because a user asked for it. */
  tryNow(): void {
    const { queue, submission } = this.#options.health.faults;
    if (queue !== null) this.#poller.askNow();
    else if (submission !== null) this.#submitter.tryNow();
  }

  /** What kept jobs from Slurm may be repaired. */
  trySubmissions(): void {
    this.#submitter.tryNow();
  }

  /** Slurm seems to answer again: retries what waits for that. */
  recovered(): void {
    this.#poller.recovered();
    if (this.#options.health.faults.submission !== null) this.#submitter.tryNow();
  }

  /** Submits a recorded job. Resolves once Slurm has answered or one attempt has failed. */
  async submit(jobId: string): Promise<void> {
    await this.#submitter.submit(jobId);
  }

  /**
   * Has Slurm judge a job without submitting it, with the script that it would get. Throws when Slurm can't be asked.
   */
  async preview(
    job: SubmittedJob,
    submission: SubmittedWith,
    { jobs, signal }: PreviewAsker,
  ): Promise<{ readonly script: string; readonly verdict: SubmitPreview }> {
    const { slurm, settings, onAnswered } = this.#options;
    if (this.#workspace === null) throw new SlurmUnavailable('the login is still being looked at');
    const workDir = `${this.#workspace}/jobs/${job.id}`;
    const script = scriptOf(settings, job, submission, workDir);
    const request = await submitRequest(jobs, job, submission, workDir);
    await this.#previews.enter(signal);
    try {
      // sbatch waits for a controller that is away for minutes.
      const said = await slurm.login.ping();
      if (/\bis DOWN\b/.test(said) && !/\bis UP\b/.test(said)) throw new SlurmUnavailable(said);
      const verdict = await slurm.submission.preview(request, script);
      if (verdict.kind !== 'broken') onAnswered();
      return { script, verdict };
    } finally {
      this.#previews.leave();
    }
  }

  /**
   * Asks Slurm, with one command for all, to cancel jobs whose requests are recorded, as far as it still holds them. Never
   * throws: a request that may be lost is repeated once the cluster answers again.
   */
  async cancel(jobs: readonly Cancelled[]): Promise<void> {
    if (jobs.length === 0) return;
    void this.#options.connection.wanted();
    await this.#cancellations.cancel(jobs);
    this.#poller.acted();
  }

  /** Runs `work` when few others run: what holds much, such as every task of some arrays. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns(work);
  }

  /** Every job in Slurm's memory as it is now. Throws when Slurm can't be asked. */
  async look(): Promise<ShownJobs> {
    const snapshot = await this.#options.slurm.queue.snapshot();
    this.#options.onAnswered();
    return ShownJobs.of(snapshot);
  }

  /**
   * Has Slurm hold, release or requeue groups of jobs: the tasks of an array are one group. For each group: null, or
   * Slurm's refusal in its own words. Throws when Slurm can't be asked. The jobs' states change after `controlled`.
   */
  async control(action: JobControl, groups: readonly (readonly Job[])[]): Promise<readonly (string | null)[]> {
    const refusals = await this.#options.slurm.control.change(
      action,
      groups.map((jobs) => jobs.flatMap(({ slurmJobId }) => slurmJobId ?? [])),
    );
    this.#options.onAnswered();
    return refusals;
  }

  /** Looks for the effect of what `control` answered. Resolves once that of a requeue may have been seen. */
  async controlled(action: JobControl, refusals: readonly (string | null)[]): Promise<void> {
    if (refusals.includes(null) && action === 'requeue') await this.#poller.requeued();
    else this.#poller.acted();
  }

  /** Without a connection, the connection's state says what is wrong. */
  get #isOnline(): boolean {
    return this.#options.connection.state.status === 'online';
  }

  #accepted(job: Job, isNew: boolean): void {
    this.#options.known.heard();
    this.#options.onAnswered();
    this.#poller.acted();
    // It may have been cancelled while it was being submitted.
    if (job.cancelRequestedAt === null || job.slurmJobId === null) return;
    const sent = isNew ? this.#cancellations.cancelNew(job) : this.#cancellations.cancel([job]);
    void sent.then(() => this.#poller.acted());
  }

  #submissionsTried(fault: string | null): void {
    const { health, pulse, onChange } = this.#options;
    if (!this.#isOnline || !health.report({ submission: fault })) return;
    // A workspace that can't be written says nothing about Slurm.
    if (fault !== null && tellsOfNoAnswer(fault)) pulse.start();
    // The job that waited was refused or cancelled: nothing waits any more, unless the queue does.
    else if (fault === null && this.#isConnected && !this.#poller.isUnanswered) pulse.stop();
    onChange();
  }

  #polled(fault: Error | null): void {
    const { settings, parts, health, known, pulse, onAnswered, onChange } = this.#options;
    parts.metrics.questions.inc({ cluster: settings.name, outcome: fault === null ? 'answered' : 'failed' });
    health.report({ records: this.#poller.recordsFault });
    if (!this.#isOnline) return;
    const isBack = fault === null && health.faults.queue !== null;
    if (isBack || (fault === null && this.#cancellations.isOwed)) void this.#cancellations.repeat();
    health.report({ queue: fault?.message ?? null });
    if (fault === null) {
      known.polled();
      if (isBack) onAnswered();
    } else if (this.#poller.isUnanswered) {
      pulse.start();
    }
    onChange();
  }
}
