import { isDeepStrictEqual } from 'node:util';
import type { ClusterHealth, ClusterSettings } from '../domain/cluster.ts';
import type { CheckStep } from '../domain/cluster-check.ts';
import type { Inventory } from '../domain/inventory.ts';
import { isArray, type Job } from '../domain/job.ts';
import type { JobObservation } from '../domain/observation.ts';
import type { Journal } from '../events/index.ts';
import { Poller } from '../poller/index.ts';
import type { Staging } from '../projects/index.ts';
import { type JobControl, type LoginFacts, SlurmAdapter, SlurmUnavailable, tellsOfNoAnswer } from '../slurm/index.ts';
import {
  type AnswerOutcome,
  type ConnectionState,
  type LoginPrompt,
  type RemoteFiles,
  SshConnection,
  type SshEnvironment,
  SshError,
} from '../ssh/index.ts';
import type { KnownCluster, Store } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import { ActivityWatch } from './activity.ts';
import type { ClusterChanges } from './changes.ts';
import { checkCluster } from './check.ts';
import type { LoadMeter } from './load.ts';
import { Pulse } from './pulse.ts';
import { type Answered, SharedAnswer } from './shared-answer.ts';
import { statusOf } from './status.ts';
import { Submitter } from './submitter.ts';
import { WorkspaceWatch } from './workspace-watch.ts';

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
/** So soon a question that Slurm refused is tried again. */
const QUESTIONS_RETRY_MS = 15_000;

/** A connection that is handed on waits so long for what still goes over it, then it is closed. */
const HAND_OVER_MS = 5_000;

/** Why Slurm refuses what will be asked of it, in its own words; null: it doesn't, as far as is known. */
interface Refused {
  readonly accounting: string | null;
  readonly inventory: string | null;
  /** The options of every submission. */
  readonly options: string | null;
}

const NOTHING_REFUSED: Refused = { accounting: null, inventory: null, options: null };

/** One cluster of clusters.yaml while the server runs: the owner of its connection and of all that goes over it. */
export class Cluster {
  readonly settings: ClusterSettings;
  /** What has been asked of it. */
  readonly load: LoadMeter;
  readonly #parts: ClusterParts;
  readonly #connection: SshConnection;
  readonly #slurm: SlurmAdapter;
  readonly #poller: Poller;
  readonly #submitter: Submitter;
  readonly #activity: ActivityWatch;
  readonly #workspace: WorkspaceWatch;
  readonly #pulse: Pulse;
  readonly #inventory: SharedAnswer<Inventory>;
  readonly #changes: ClusterChanges;
  #login: LoginFacts | null = null;
  /** Why Slurm can't be used on this login. */
  #loginFault: string | null = null;
  #queueFault: string | null = null;
  #submissionFault: string | null = null;
  /** What was found when the questions that are asked now and then were tried. */
  #refused = NOTHING_REFUSED;
  #isInventoryTried = false;
  #questionsTimer: NodeJS.Timeout | undefined;
  #trying: Promise<void> | null = null;
  /** A request to cancel didn't arrive. */
  #isCancelOwed = false;
  #slurmVersion: string | null;
  #lastPolledAt: Date | null;
  #lastHeardAt: Date | null = null;
  #probing: Promise<void> | null = null;
  #probeTimer: NodeJS.Timeout | undefined;
  #unsubscribe: () => void = () => undefined;
  #isStopped = false;
  #checking: Promise<readonly CheckStep[]> | null = null;

  /**
   * `known`: what is remembered of it; null for a new one. `changes` is told when something about it may have
   * changed. `connection`: one that is taken over; null: a new one is made.
   */
  constructor(
    settings: ClusterSettings,
    known: KnownCluster | null,
    parts: ClusterParts,
    changes: ClusterChanges,
    load: LoadMeter,
    connection: SshConnection | null = null,
  ) {
    this.settings = settings;
    this.load = load;
    this.#changes = changes;
    this.#parts = parts;
    this.#slurmVersion = known?.slurmVersion ?? null;
    this.#lastPolledAt = known?.lastPolledAt ?? null;
    this.#connection = connection ?? new SshConnection(settings, parts.sshEnvironment, { log: parts.log, meter: load });
    this.#slurm = new SlurmAdapter(this.#connection, settings);
    this.#pulse = new Pulse({ ping: () => this.#slurm.ping(), onSign: () => this.#tryAgain() });
    this.#inventory = new SharedAnswer(async () => {
      const inventory = await this.#slurm.inventory();
      this.#answered();
      this.#refuses({ ...this.#refused, inventory: null });
      return inventory;
    });
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
      onAccounting: () => this.#notify(),
    });
    this.#activity = new ActivityWatch({
      files: this.#connection.files,
      hasActiveJobs: () => journal.active(settings.name).size > 0,
      onActivity: () => {
        this.#poller.noticed();
        this.#pulse.nudge();
      },
      onFault: (cause) => log.warn({ err: cause }, `${settings.name}: ends of jobs show late, at the poll interval`),
    });
    this.#workspace = new WorkspaceWatch({
      slurm: this.#slurm,
      onChange: () => {
        this.#submitter.tryNow();
        this.#notify();
      },
      onFailure: (cause) => log.warn({ err: cause }, `${settings.name}: who may write to its workspace isn't known`),
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
      onFault: (fault) => this.#submissionsTried(fault),
    });
  }

  start(): void {
    const unsubscribers = [
      this.#connection.onStateChange((state) => this.#connectionChanged(state)),
      this.#connection.onSftpFault(() => this.#notify()),
    ];
    this.#unsubscribe = () => {
      for (const unsubscribe of unsubscribers) unsubscribe();
    };
    this.#connection.start();
    // One that was taken over may be there already.
    if (this.#connection.state.status === 'online') this.#connectionChanged(this.#connection.state);
  }

  async stop(): Promise<void> {
    const stopped = this.#stopAsking();
    await this.#connection.stop();
    await stopped;
  }

  /** Ends everything but the connection, for another cluster object to go on with; null: it had to be closed, too. */
  async handOver(): Promise<SshConnection | null> {
    const stopped = this.#stopAsking();
    const { promise: patience, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(resolve, HAND_OVER_MS, false);
    const isFree = await Promise.race([stopped.then(() => true), patience]);
    clearTimeout(timer);
    if (isFree) return this.#connection;
    await this.stop();
    return null;
  }

  #stopAsking(): Promise<unknown> {
    this.#isStopped = true;
    this.#unsubscribe();
    clearTimeout(this.#probeTimer);
    clearTimeout(this.#questionsTimer);
    this.#poller.disconnected();
    this.#submitter.disconnected();
    this.#activity.stop();
    return Promise.all([
      this.#pulse.stopped(),
      this.#poller.stop(),
      this.#submitter.stop(),
      this.#activity.stopped(),
      this.#workspace.stopped(),
      this.#probing,
      this.#trying,
      this.#checking?.catch(() => {}),
    ]);
  }

  get files(): RemoteFiles {
    return this.#connection.files;
  }

  /** One more than the highest index of an array there; null: not known now. */
  get maxArraySize(): number | null {
    return this.#login?.maxArraySize ?? null;
  }

  get health(): ClusterHealth {
    return {
      ...statusOf({
        connection: this.#connection.state,
        isProbed: this.#login !== null,
        faults: {
          login: this.#loginFault,
          queue: this.#queueFault,
          submission: this.#submissionFault ?? this.#workspace.fault ?? this.#refused.options,
          records: this.#poller.recordsFault,
          accounting: this.#poller.accountingFault ?? this.#refused.accounting,
          inventory: this.#refused.inventory,
        },
        sftpFault: this.#connection.sftpFault,
        clockAheadMs: this.#slurm.clockAheadMs,
      }),
      slurmVersion: this.#slurmVersion,
      lastPolledAt: this.#lastPolledAt,
    };
  }

  /** When Slurm on this cluster last gave an answer to anything; null: not since the server's start. */
  get lastHeardAt(): Date | null {
    return this.#lastHeardAt;
  }

  /** A person asks for an attempt to connect now, or to try again now what last failed. */
  connectNow(): void {
    this.#connection.connectNow();
    if (this.#connection.state.status !== 'online') return;
    if (this.#login === null) this.#probe();
    else if (this.#queueFault !== null) this.#poller.askNow();
    else if (this.#submissionFault !== null) this.#submitter.tryNow();
    if (this.#workspace.fault !== null) this.#workspace.look();
  }

  /** Goes through everything that the cluster has to offer, step by step; shared by all who ask at once. Never throws. */
  check(): Promise<readonly CheckStep[]> {
    this.#checking ??= checkCluster(this.settings, this.#connection)
      .then((steps) => {
        if (steps.some(({ name, status }) => name === 'SLURM' && status !== 'FAILED')) this.#answered();
        return steps;
      })
      .finally(() => {
        this.#checking = null;
      });
    return this.#checking;
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

  /** Somebody has something for it to do: where it can't be reached, it is looked for again, for a second at most. */
  async wanted(): Promise<void> {
    await this.#connection.wanted();
  }

  /** Brings a recorded job to Slurm. Resolves once Slurm has answered or one attempt has failed. */
  async submit(jobId: string): Promise<void> {
    await this.#submitter.submit(jobId);
  }

  /**
   * Asks Slurm, with one command for all, to cancel jobs whose requests are recorded. Never throws: what didn't arrive
   * is repeated once the cluster answers again.
   */
  async cancel(slurmJobIds: readonly string[]): Promise<void> {
    if (slurmJobIds.length === 0) return;
    void this.#connection.wanted();
    try {
      await this.#slurm.cancel(slurmJobIds);
    } catch (cause) {
      this.#isCancelOwed = true;
      this.#parts.log.warn({ err: cause, slurmJobIds }, `${this.settings.name}: jobs could not be cancelled yet`);
    }
    this.#poller.acted();
  }

  /** What Slurm says now of every job that it still holds. Throws when it can't be asked. */
  async look(): Promise<readonly JobObservation[]> {
    const { observations } = await this.#slurm.queue();
    this.#answered();
    return observations;
  }

  /**
   * Has Slurm hold, release or requeue jobs that it numbered, the tasks of one array together. For each group: null when
   * it does, else its refusal in its own words; throws when it can't be asked. The jobs' states follow by what is seen
   * of them.
   */
  async control(action: JobControl, groups: readonly (readonly Job[])[]): Promise<readonly (string | null)[]> {
    const refusals = await this.#slurm.control(
      action,
      groups.map((jobs) => jobs.flatMap(({ slurmJobId }) => slurmJobId ?? [])),
    );
    this.#answered();
    if (refusals.includes(null) && action === 'requeue') await this.#poller.requeued();
    else this.#poller.acted();
    return refusals;
  }

  #notify(): void {
    this.#changes.note(this.settings.name);
  }

  #connectionChanged(state: ConnectionState): void {
    if (state.status === 'online') {
      this.#probe();
    } else {
      this.#login = null;
      this.#loginFault = null;
      this.#queueFault = null;
      this.#submissionFault = null;
      this.#pulse.stop();
      this.#refused = NOTHING_REFUSED;
      this.#isInventoryTried = false;
      clearTimeout(this.#probeTimer);
      clearTimeout(this.#questionsTimer);
      this.#poller.disconnected();
      this.#submitter.disconnected();
      this.#activity.stop();
      this.#workspace.stop();
    }
    this.#notify();
  }

  #probe(): void {
    clearTimeout(this.#probeTimer);
    this.#probing ??= this.#askLogin().finally(() => {
      this.#probing = null;
      if (!this.#isStopped && this.#login === null && this.#connection.state.status === 'online') {
        this.#probeTimer = setTimeout(() => this.#probe(), PROBE_RETRY_MS);
      }
    });
  }

  /** Never throws. */
  async #askLogin(): Promise<void> {
    try {
      const login = await this.#slurm.probe();
      if (this.#isStopped || this.#connection.state.status !== 'online') return;
      this.#login = login;
      this.#slurmVersion = login.slurmVersion;
      this.#heard();
      this.#pulse.stop();
      this.#loginFault = null;
      this.#submitter.connected(login.workspace);
      this.#poller.connected();
      this.#activity.start(login.workspace);
      this.#workspace.start(login.workspace);
      void this.#cancelAgain();
      this.#tryQuestions();
    } catch (cause) {
      this.#loginFault = cause instanceof Error ? cause.message : String(cause);
      // Commands that aren't there, or too old, are asked for again in time; no ping tells of them.
      if (!tellsOfNoAnswer(this.#loginFault)) this.#pulse.stop();
      else if (this.#connection.state.status === 'online' && !this.#isStopped) this.#pulse.start();
      this.#parts.log.warn({ err: cause }, `${this.settings.name}: Slurm can't be used on this login`);
    }
    this.#notify();
  }

  /** Tries what will be asked when a job has gone, or when somebody looks: a refusal is told now and not then. */
  #tryQuestions(): void {
    clearTimeout(this.#questionsTimer);
    this.#trying ??= this.#askQuestions().finally(() => {
      this.#trying = null;
    });
  }

  /** Never throws. */
  async #askQuestions(): Promise<void> {
    try {
      const accounting = this.#login?.accountingStorage == null ? null : await this.#slurm.tryAccounting();
      // What works costs the controller too much to be asked again and again, for as long as slurmdbd is away.
      let { inventory } = this.#refused;
      if (inventory !== null || !this.#isInventoryTried) inventory = await this.#slurm.tryInventory();
      this.#isInventoryTried = true;
      const options = await this.#slurm.tryOptions();
      if (this.#isStopped || this.#connection.state.status !== 'online') return;
      const refused = { accounting, inventory, options };
      this.#refuses(refused);
      if (isDeepStrictEqual(refused, NOTHING_REFUSED)) return;
      this.#parts.log.warn(refused, `${this.settings.name}: Slurm refuses what is asked of it`);
    } catch (cause) {
      // The connection's own state, or the next question, tells what is wrong.
      this.#parts.log.warn({ err: cause }, `${this.settings.name}: not all questions to Slurm could be tried`);
    }
    if (!this.#isStopped && this.#connection.state.status === 'online') {
      this.#questionsTimer = setTimeout(() => this.#tryQuestions(), QUESTIONS_RETRY_MS);
    }
  }

  #refuses(refused: Refused): void {
    const isNews = !isDeepStrictEqual(refused, this.#refused);
    this.#refused = refused;
    if (isNews) this.#notify();
  }

  /** Requests to cancel that a fault may have swallowed. scancel does nothing for jobs that are over. Never throws. */
  async #cancelAgain(): Promise<void> {
    try {
      const active = this.#parts.journal.active(this.settings.name).values();
      // An array is cancelled by its tasks: one of them may have been requeued since.
      const slurmJobIds = [...active].flatMap((job) =>
        job.cancelRequestedAt === null || isArray(job) ? [] : (job.slurmJobId ?? []),
      );
      this.#isCancelOwed = false;
      if (slurmJobIds.length > 0) await this.#slurm.cancel(slurmJobIds);
    } catch (cause) {
      this.#isCancelOwed = true;
      this.#parts.log.warn({ err: cause }, `${this.settings.name}: jobs could not be cancelled yet`);
    }
  }

  #accepted(job: Job): void {
    this.#heard();
    this.#answered();
    this.#poller.acted();
    // It may have been cancelled while it was on its way.
    if (job.cancelRequestedAt !== null && job.slurmJobId !== null) void this.cancel([job.slurmJobId]);
  }

  #submissionsTried(fault: string | null): void {
    if (fault === this.#submissionFault || this.#connection.state.status !== 'online') return;
    this.#submissionFault = fault;
    // A workspace that can't be written says nothing of Slurm.
    if (fault !== null && tellsOfNoAnswer(fault)) this.#pulse.start();
    // The job that waited was refused or cancelled: unless the queue waits too, nothing does any more.
    else if (fault === null && this.#login !== null && !this.#poller.isUnanswered) this.#pulse.stop();
    this.#notify();
  }

  #polled(fault: Error | null): void {
    this.#parts.metrics.questions.inc({ cluster: this.settings.name, outcome: fault === null ? 'answered' : 'failed' });
    // Without a connection, its own state says what is wrong.
    if (this.#connection.state.status !== 'online') return;
    const isBack = fault === null && this.#queueFault !== null;
    if (isBack || (fault === null && this.#isCancelOwed)) void this.#cancelAgain();
    this.#queueFault = fault?.message ?? null;
    if (fault === null) {
      this.#lastPolledAt = new Date();
      this.#heard();
      if (isBack) this.#answered();
    } else if (this.#poller.isUnanswered) {
      this.#pulse.start();
    }
    this.#notify();
  }

  /** Slurm has answered somebody: what waits because it didn't answer others is tried again at once. */
  #answered(): void {
    this.#pulse.stop();
    this.#tryAgain();
  }

  #tryAgain(): void {
    if (this.#isStopped || this.#connection.state.status !== 'online') return;
    if (this.#login === null) {
      this.#probe();
      return;
    }
    this.#poller.recovered();
    if (this.#submissionFault !== null) this.#submitter.tryNow();
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

/** Whether something was thrown because the cluster gave no answer; anything else is a fault of this program. */
export function isUnanswered(cause: unknown): cause is Error {
  return cause instanceof SshError || cause instanceof SlurmUnavailable;
}
