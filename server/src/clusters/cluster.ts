import type { ClusterHealth, ClusterSettings } from '../domain/cluster.ts';
import type { CheckStep } from '../domain/cluster-check.ts';
import type { Inventory } from '../domain/inventory.ts';
import { type LoginFacts, type Slurm, SlurmAdapter, SlurmUnavailable, tellsOfNoAnswer } from '../slurm/index.ts';
import {
  type AnswerOutcome,
  type ConnectionState,
  type LoginMemory,
  type LoginPrompt,
  type LongAnswers,
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
import { type ClusterParts, ownJobs } from './parts.ts';
import { Pulse } from './pulse.ts';
import type { Answered, SharedAnswer } from './shared-answer.ts';
import { sharedInventory } from './shared-inventory.ts';
import { Staleness } from './staleness.ts';
import { WorkspaceWatch } from './workspace-watch.ts';

/** How long a connection that is handed over waits for its open requests before it is closed. */
const HAND_OVER_MS = 5_000;

export interface ClusterOptions {
  readonly settings: ClusterSettings;
  readonly parts: ClusterParts;
  /** What the history knows of it; null: nothing. */
  readonly known: KnownCluster | null;
  /** Notified when something about it may have changed. */
  readonly changes: ClusterChanges;
  readonly load: LoadMeter;
  /** An open connection to take over; null: make a new one. */
  readonly connection: SshConnection | null;
  /** For a new connection; `longAnswers`: those of all clusters. */
  readonly fresh: { readonly memory: LoginMemory; readonly longAnswers: LongAnswers };
}

/** A cluster of clusters.yaml at run time: owns its connection and everything that uses it. */
export class Cluster {
  readonly settings: ClusterSettings;
  /** Counts of the requests to it. */
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

  constructor({ settings, parts, known, changes, load, connection, fresh }: ClusterOptions) {
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
    this.#connection = connection ?? new SshConnection(settings, parts.sshEnvironment, { log, meter: load, ...fresh });
    this.#slurm = new SlurmAdapter(this.#connection, settings, ownJobs(parts, settings.name));
    this.#pulse = new Pulse({ ping: () => this.#slurm.login.ping(), onSign: () => this.#tryAgain() });
    this.#inventory = sharedInventory({
      ...{ slurm: this.#slurm, health: this.#health },
      onAnswered: () => this.#answered(),
      onChange: () => this.#notify(),
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
      onFailure: (cause) => log.warn({ err: cause }, `${settings.name}: can't find out who may write to its workspace`),
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
    // A connection that was taken over may be online already.
    if (this.#connection.state.status === 'online') this.#connectionChanged(this.#connection.state);
  }

  async stop(): Promise<void> {
    const stopped = this.#stopAsking();
    await this.#connection.stop();
    await stopped;
  }

  /** Stops everything but the connection, for another cluster object to use; null: it had to be closed, too. */
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

  /** Whether another one may have its place. */
  get isStopped(): boolean {
    return this.#isStopped;
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

  /** Whether its jobs are followed: polled, or about to be once the cluster can be reached. */
  get isPolling(): boolean {
    return this.jobs.isPolling;
  }

  /** Whether it has active jobs and has not answered for so long that what is shown of them may be out of date. */
  get isStale(): boolean {
    return this.#staleness.isStale;
  }

  /** Connects now, or retries now what last failed, because a user asked for it. */
  connectNow(): void {
    this.#connection.connectNow();
    if (this.#connection.state.status !== 'online') return;
    if (this.#probe.facts === null) this.#probe.look();
    else this.jobs.tryNow();
    if (this.#health.faults.workspace !== null) this.#workspace.look();
  }

  /** Checks the cluster step by step; concurrent callers share one check. Never throws. */
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

  /** The login prompt that waits for an answer; null: none. For administrators only. */
  get loginPrompt(): LoginPrompt | null {
    const { state } = this.#connection;
    return state.status === 'asking' ? state.prompt : null;
  }

  /** Whether a lost connection can be made again only by a person. */
  get loginAsksPerson(): boolean {
    return this.#connection.asksPerson;
  }

  /** A person's answers to the prompt with this id. They are secrets. */
  answerLogin(promptId: string, answers: readonly string[]): AnswerOutcome {
    return this.#connection.answer(promptId, answers);
  }

  /** Partitions and nodes; callers share one query. Throws when Slurm doesn't answer and nothing is cached. */
  async inventory(maxAgeMs: number): Promise<Answered<Inventory>> {
    return this.#inventory.get(maxAgeMs);
  }

  /** The cached inventory, however old; asks nothing. */
  get knownInventory(): Inventory | null {
    return this.#inventory.last?.value ?? null;
  }

  /** Called when the cluster is needed: if it can't be reached, tries again, for a second at most. */
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

  /** There is a connection to send requests over. */
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
    // Missing commands, or ones that are too old, are probed again later; no ping shows them.
    if (!tellsOfNoAnswer(fault)) this.#pulse.stop();
    else if (this.#isOnline) this.#pulse.start();
    this.#notify();
  }

  /** Slurm has answered: whatever waits because it didn't is retried at once. */
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

/** Whether an error means that the cluster gave no answer; any other is a fault of this program. */
export function isUnanswered(cause: unknown): cause is Error {
  return cause instanceof SshError || cause instanceof SlurmUnavailable;
}
