import type { ClusterHealth, ClusterSettings } from '../domain/cluster.ts';
import type { CheckStep } from '../domain/cluster-check.ts';
import type { Inventory } from '../domain/inventory.ts';
import { type LoginFacts, type Slurm, SlurmAdapter, SlurmUnavailable, tellsOfNoAnswer } from '../slurm/index.ts';
import {
  type AnswerOutcome,
  type ConnectionState,
  type LoginMemory,
  type LoginPrompt,
  type RemoteFiles,
  SshConnection,
  SshError,
} from '../ssh/index.ts';
import type { KnownCluster } from '../store/index.ts';
import type { ClusterChanges } from './changes.ts';
import { checkCluster } from './check.ts';
import { Health, statusOf } from './health.ts';
import { ClusterJobs } from './jobs.ts';
import { LastKnown } from './last-known.ts';
import type { LoadMeter } from './load.ts';
import { LoginProbe } from './login-probe.ts';
import type { ClusterParts } from './parts.ts';
import { Pulse } from './pulse.ts';
import { type Answered, SharedAnswer } from './shared-answer.ts';
import { Staleness } from './staleness.ts';
import { WorkspaceWatch } from './workspace-watch.ts';

/** A connection that is handed on waits so long for what still goes over it, then it is closed. */
const HAND_OVER_MS = 5_000;

export interface ClusterOptions {
  readonly settings: ClusterSettings;
  readonly parts: ClusterParts;
  /** What is remembered of it; null for a new one. */
  readonly known: KnownCluster | null;
  /** Is told when something about it may have changed. */
  readonly changes: ClusterChanges;
  readonly load: LoadMeter;
  /** One that is taken over; null: a new one is made. */
  readonly connection: SshConnection | null;
  /** For a new connection. */
  readonly loginMemory: LoginMemory;
}

/** One cluster of clusters.yaml while the server runs: the owner of its connection and of all that goes over it. */
export class Cluster {
  readonly settings: ClusterSettings;
  /** What has been asked of it. */
  readonly load: LoadMeter;
  readonly jobs: ClusterJobs;
  readonly #connection: SshConnection;
  readonly #slurm: Slurm;
  readonly #workspace: WorkspaceWatch;
  readonly #pulse: Pulse;
  readonly #inventory: SharedAnswer<Inventory>;
  readonly #changes: ClusterChanges;
  readonly #health = new Health();
  readonly #probe: LoginProbe;
  readonly #known: LastKnown;
  readonly #staleness: Staleness;
  #unsubscribe: () => void = () => undefined;
  #isStopped = false;
  #checking: Promise<readonly CheckStep[]> | null = null;

  constructor({ settings, parts, known, changes, load, connection, loginMemory }: ClusterOptions) {
    const { log } = parts;
    this.settings = settings;
    this.load = load;
    this.#changes = changes;
    this.#known = new LastKnown(settings, known, parts);
    this.#staleness = new Staleness({
      pollIntervalSeconds: settings.pollIntervalSeconds,
      lastHeardAt: () => this.#known.lastHeardAt,
      active: () => parts.journal.active(settings.name),
      onChange: () => this.#notify(),
    });
    this.#connection =
      connection ?? new SshConnection(settings, parts.sshEnvironment, { log, meter: load, memory: loginMemory });
    this.#slurm = new SlurmAdapter(this.#connection, settings);
    this.#pulse = new Pulse({ ping: () => this.#slurm.login.ping(), onSign: () => this.#tryAgain() });
    this.#inventory = new SharedAnswer(async () => {
      const inventory = await this.#slurm.inventory.read();
      this.#answered();
      if (this.#health.report({ inventory: null })) this.#notify();
      return inventory;
    });
    this.#probe = new LoginProbe({
      ...{ clusterName: settings.name, slurm: this.#slurm, health: this.#health, log },
      isOnline: () => this.#isOnline,
      onFound: (login) => this.#loginFound(login),
      onFault: (fault) => this.#loginFailed(fault),
      onChange: () => this.#notify(),
    });
    this.jobs = new ClusterJobs({
      ...{ settings, parts, slurm: this.#slurm, connection: this.#connection },
      ...{ health: this.#health, known: this.#known, pulse: this.#pulse },
      onAnswered: () => this.#answered(),
      onChange: () => this.#notify(),
    });
    this.#workspace = new WorkspaceWatch({
      slurm: this.#slurm.submission,
      onChange: () => {
        this.#health.report({ workspace: this.#workspace.fault });
        this.jobs.trySubmissions();
        this.#notify();
      },
      onFailure: (cause) => log.warn({ err: cause }, `${settings.name}: who may write to its workspace isn't known`),
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
    this.#staleness.start();
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
    this.#staleness.stop();
    this.#unsubscribe();
    return Promise.all([
      this.#pulse.stopped(),
      this.jobs.stop(),
      this.#workspace.stopped(),
      this.#probe.stopped(),
      this.#checking?.catch(() => {}),
    ]);
  }

  get files(): RemoteFiles {
    return this.#connection.files;
  }

  /** One more than the highest index of an array there; null: not known now. */
  get maxArraySize(): number | null {
    return this.#probe.facts?.maxArraySize ?? null;
  }

  get health(): ClusterHealth {
    return {
      ...statusOf({
        connection: this.#connection.state,
        isProbed: this.#probe.facts !== null,
        faults: this.#health.faults,
        sftpFault: this.#connection.sftpFault,
        clockAheadMs: this.#slurm.login.clockAheadMs,
      }),
      slurmVersion: this.#known.slurmVersion,
      lastPolledAt: this.#known.lastPolledAt,
    };
  }

  /** Whether its jobs are followed: asked for, or waited for until the cluster can be reached. */
  get isPolling(): boolean {
    return this.jobs.isPolling;
  }

  /** Whether it has active jobs and has not answered for so long that what is shown of them may be out of date. */
  get isStale(): boolean {
    return this.#staleness.isStale;
  }

  /** A person asks for an attempt to connect now, or to try again now what last failed. */
  connectNow(): void {
    this.#connection.connectNow();
    if (this.#connection.state.status !== 'online') return;
    if (this.#probe.facts === null) this.#probe.look();
    else this.jobs.tryNow();
    if (this.#health.faults.workspace !== null) this.#workspace.look();
  }

  /** Checks the cluster step by step; shared by all who ask at once. Never throws. */
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

  #notify(): void {
    this.#changes.note(this.settings.name);
  }

  #connectionChanged(state: ConnectionState): void {
    if (state.status === 'online') {
      this.#probe.look();
    } else {
      this.#probe.disconnected();
      this.#health.disconnected();
      this.#pulse.stop();
      this.jobs.disconnected();
      this.#workspace.stop();
    }
    this.#notify();
  }

  /** There is a connection that may be asked over. */
  get #isOnline(): boolean {
    return !this.#isStopped && this.#connection.state.status === 'online';
  }

  #loginFound({ slurmVersion, workspace }: LoginFacts): void {
    this.#known.heard({ slurmVersion });
    this.#pulse.stop();
    this.jobs.connected(workspace);
    this.#workspace.start(workspace);
    this.#notify();
  }

  #loginFailed(fault: string): void {
    // Commands that aren't there, or too old, are asked for again in time; no ping tells of them.
    if (!tellsOfNoAnswer(fault)) this.#pulse.stop();
    else if (this.#isOnline) this.#pulse.start();
    this.#notify();
  }

  /** Slurm has answered somebody: what waits because it didn't answer others is tried again at once. */
  #answered(): void {
    this.#pulse.stop();
    this.#tryAgain();
  }

  #tryAgain(): void {
    if (!this.#isOnline) return;
    if (this.#probe.facts === null) this.#probe.look();
    else this.jobs.recovered();
  }
}

/** Whether something was thrown because the cluster gave no answer; anything else is a fault of this program. */
export function isUnanswered(cause: unknown): cause is Error {
  return cause instanceof SshError || cause instanceof SlurmUnavailable;
}
