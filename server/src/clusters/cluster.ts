import type { ClusterHealth, ClusterSettings } from '../domain/cluster.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { Job } from '../domain/job.ts';
import type { Journal, WakeUp } from '../events/index.ts';
import { Poller } from '../poller/index.ts';
import type { Staging } from '../projects/index.ts';
import { type LoginFacts, SlurmAdapter } from '../slurm/index.ts';
import {
  type AnswerOutcome,
  type ConnectionState,
  type LoginPrompt,
  type RemoteFiles,
  SshConnection,
  type SshEnvironment,
} from '../ssh/index.ts';
import type { KnownCluster, Store } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import { type Answered, SharedAnswer } from './shared-answer.ts';
import { Submitter } from './submitter.ts';

export interface ClusterParts {
  readonly store: Store;
  readonly journal: Journal;
  readonly staging: Staging;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly sshEnvironment: SshEnvironment;
}

/** A cluster whose Slurm doesn't answer is asked again after this long, as long as the connection holds. */
const PROBE_RETRY_MS = 15_000;

/** One cluster of clusters.yaml while the server runs: the owner of its connection and of all that goes over it. */
export class Cluster {
  readonly settings: ClusterSettings;
  readonly #parts: ClusterParts;
  readonly #connection: SshConnection;
  readonly #slurm: SlurmAdapter;
  readonly #poller: Poller;
  readonly #submitter: Submitter;
  readonly #inventory: SharedAnswer<Inventory>;
  readonly #changes: WakeUp;
  #revision = 0;
  #login: LoginFacts | null = null;
  #fault: string | null = null;
  #slurmVersion: string | null;
  #lastPolledAt: Date | null;
  #lastHeardAt: Date | null = null;
  #probing: Promise<void> | null = null;
  #probeTimer: NodeJS.Timeout | undefined;
  #unsubscribe: () => void = () => undefined;

  /** `known`: what the store remembers of it; null for a new one. `changes` is told of each new revision. */
  constructor(settings: ClusterSettings, known: KnownCluster | null, parts: ClusterParts, changes: WakeUp) {
    this.settings = settings;
    this.#changes = changes;
    this.#parts = parts;
    this.#slurmVersion = known?.slurmVersion ?? null;
    this.#lastPolledAt = known?.lastPolledAt ?? null;
    this.#connection = new SshConnection(settings, parts.sshEnvironment, { log: parts.log });
    this.#slurm = new SlurmAdapter(this.#connection, settings);
    this.#inventory = new SharedAnswer(() => this.#slurm.inventory());
    const { journal, log } = parts;
    const { jobs } = parts.store;
    this.#poller = new Poller({
      clusterName: settings.name,
      intervalSeconds: settings.pollIntervalSeconds,
      slurm: this.#slurm,
      jobs,
      journal,
      log,
      onAnswer: (fault) => this.#polled(fault),
    });
    this.#submitter = new Submitter({
      settings,
      slurm: this.#slurm,
      files: this.#connection.files,
      jobs,
      journal,
      staging: parts.staging,
      log,
      onAccepted: (job) => this.#accepted(job),
    });
  }

  start(): void {
    this.#unsubscribe = this.#connection.onStateChange((state) => this.#connectionChanged(state));
    this.#connection.start();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    clearTimeout(this.#probeTimer);
    this.#poller.disconnected();
    this.#submitter.disconnected();
    await this.#connection.stop();
    await Promise.all([this.#poller.stop(), this.#submitter.stop(), this.#probing]);
  }

  get files(): RemoteFiles {
    return this.#connection.files;
  }

  get health(): ClusterHealth {
    return {
      ...statusOf(this.#connection.state, this.#login !== null, this.#fault),
      slurmVersion: this.#slurmVersion,
      lastPolledAt: this.#lastPolledAt,
    };
  }

  /** When Slurm on this cluster last gave an answer to anything; null: not since the server's start. */
  get lastHeardAt(): Date | null {
    return this.#lastHeardAt;
  }

  /** Grows whenever something about the cluster may have changed. */
  get revision(): number {
    return this.#revision;
  }

  /** A person asks for an attempt to connect now. */
  connectNow(): void {
    this.#connection.connectNow();
  }

  /** What the login asks at this moment; null when nothing waits for an answer. For administrators alone. */
  get loginPrompt(): LoginPrompt | null {
    const { state } = this.#connection;
    return state.status === 'asking' ? state.prompt : null;
  }

  /** Whether only a person can make the connection again once it is lost. */
  get loginAsksPerson(): boolean {
    return this.#connection.asksPerson;
  }

  /** A person's answers to the prompt with this id. They are secrets. */
  answerLogin(promptId: string, answers: readonly string[]): AnswerOutcome {
    return this.#connection.answer(promptId, answers);
  }

  /** Partitions and nodes, asked for at most once for all who ask. Throws when nothing is known and nobody answers. */
  async inventory(maxAgeMs: number): Promise<Answered<Inventory>> {
    return this.#inventory.get(maxAgeMs);
  }

  /** The last inventory there was; asks nothing. */
  get knownInventory(): Inventory | null {
    return this.#inventory.last?.value ?? null;
  }

  /** Brings a recorded job to Slurm. Resolves once Slurm has answered or one attempt has failed. */
  async submit(jobId: string): Promise<void> {
    await this.#submitter.submit(jobId);
  }

  /**
   * Asks Slurm to cancel a job whose request is recorded. Never throws: a request that didn't arrive is repeated once
   * the cluster answers again.
   */
  async cancel(slurmJobId: string): Promise<void> {
    try {
      await this.#slurm.cancel([slurmJobId]);
    } catch (cause) {
      this.#parts.log.warn({ err: cause, slurmJobId }, `${this.settings.name}: a job could not be cancelled yet`);
    }
    this.#poller.acted();
  }

  #notify(): void {
    this.#revision += 1;
    this.#changes.notify();
  }

  #connectionChanged(state: ConnectionState): void {
    if (state.status === 'online') {
      this.#probe();
    } else {
      this.#login = null;
      this.#fault = null;
      clearTimeout(this.#probeTimer);
      this.#poller.disconnected();
      this.#submitter.disconnected();
    }
    this.#notify();
  }

  #probe(): void {
    clearTimeout(this.#probeTimer);
    this.#probing ??= this.#askLogin().finally(() => {
      this.#probing = null;
      if (this.#login === null && this.#connection.state.status === 'online') {
        this.#probeTimer = setTimeout(() => this.#probe(), PROBE_RETRY_MS);
      }
    });
  }

  /** Never throws. */
  async #askLogin(): Promise<void> {
    try {
      const login = await this.#slurm.probe();
      if (this.#connection.state.status !== 'online') return;
      this.#login = login;
      this.#slurmVersion = login.slurmVersion;
      this.#heard();
      this.#fault = null;
      this.#submitter.connected(login.workspace);
      this.#poller.connected();
      void this.#cancelAgain();
    } catch (cause) {
      this.#fault = cause instanceof Error ? cause.message : String(cause);
      this.#parts.log.warn({ err: cause }, `${this.settings.name}: Slurm can't be used on this login`);
    }
    this.#notify();
  }

  /** Requests to cancel that a fault may have swallowed. scancel does nothing for jobs that are over. Never throws. */
  async #cancelAgain(): Promise<void> {
    try {
      const active = await this.#parts.store.jobs.active(this.settings.name);
      const requested = active.flatMap((job) =>
        job.cancelRequestedAt !== null && job.slurmJobId !== null ? [job.slurmJobId] : [],
      );
      if (requested.length > 0) await this.#slurm.cancel(requested);
    } catch (cause) {
      this.#parts.log.warn({ err: cause }, `${this.settings.name}: jobs could not be cancelled yet`);
    }
  }

  #accepted(job: Job): void {
    this.#heard();
    this.#poller.acted();
    // It may have been cancelled while it was on its way.
    if (job.cancelRequestedAt !== null && job.slurmJobId !== null) void this.cancel(job.slurmJobId);
  }

  #polled(fault: Error | null): void {
    this.#parts.metrics.questions.inc({ cluster: this.settings.name, outcome: fault === null ? 'answered' : 'failed' });
    // Without a connection, its own state says what is wrong.
    if (this.#connection.state.status !== 'online') return;
    if (fault === null && this.#fault !== null) void this.#cancelAgain();
    this.#fault = fault === null ? null : `${fault.message}. The states shown are the last ones known`;
    if (fault === null) {
      this.#lastPolledAt = new Date();
      this.#heard();
    }
    this.#notify();
  }

  /** Slurm has answered something; what is known of the cluster is kept over a restart. */
  #heard(): void {
    this.#lastHeardAt = new Date();
    const { name, host } = this.settings;
    this.#parts.store.clusters
      .save({ name, host, slurmVersion: this.#slurmVersion, lastPolledAt: this.#lastPolledAt })
      .catch((cause: unknown) => this.#parts.log.error({ err: cause }, `${name}: what is known of it can't be stored`));
  }
}

function statusOf(
  connection: ConnectionState,
  isProbed: boolean,
  fault: string | null,
): Pick<ClusterHealth, 'status' | 'message'> {
  switch (connection.status) {
    case 'idle':
      return { status: 'IDLE', message: null };
    case 'connecting':
      return { status: 'CONNECTING', message: null };
    case 'unreachable':
      return { status: 'UNREACHABLE', message: connection.message };
    case 'asking':
    case 'refused':
      return { status: 'AUTH_REQUIRED', message: connection.message };
    case 'online':
      if (fault !== null) return { status: 'DEGRADED', message: fault };
      return isProbed ? { status: 'ONLINE', message: null } : { status: 'CONNECTING', message: null };
  }
}
