import { isDeepStrictEqual } from 'node:util';
import type { ClusterSettings } from '../domain/cluster.ts';
import { LongAnswers, type RemoteFiles, type SshConnection, SshUnavailable } from '../ssh/index.ts';
import type { KnownCluster } from '../store/index.ts';
import { type ClusterChange, ClusterChanges } from './changes.ts';
import { Cluster } from './cluster.ts';
import { LoadMeter } from './load.ts';
import { LoginMemories } from './login-memories.ts';
import type { ClusterParts } from './parts.ts';

/** How a cluster is reached: when one of these changes, it needs a new connection. */
const CONNECTION_KEYS = ['host', 'port', 'user', 'identityFile', 'knownHosts', 'proxyJump', 'help'] as const;

/** A change of clusters.yaml replaces pollers within this time. */
const LONGEST_CHANGE_MS = 60_000;

/** The clusters of clusters.yaml, in its order, and the names of those that only the history knows. */
export class Clusters {
  readonly #parts: ClusterParts;
  readonly #changes = new ClusterChanges();
  #clusters: ReadonlyMap<string, Cluster> = new Map();
  readonly #former = new Map<string, KnownCluster>();
  readonly #logins: LoginMemories;
  readonly #longAnswers = new LongAnswers();
  #configurationFault: string | null = null;
  #changing: Promise<void> = Promise.resolve();
  /** Null: no change is in progress. */
  #changeBeganAt: number | null = null;
  #isStopped = false;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.#logins = new LoginMemories(parts);
  }

  /** Starts connecting to each; waits for none. */
  async start(settings: readonly ClusterSettings[]): Promise<void> {
    for (const known of await this.#parts.store.clusters.all()) this.#former.set(known.name, known);
    await this.#logins.start();
    await this.configure(settings);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#changing;
    await Promise.all(this.all().map((cluster) => cluster.stop()));
  }

  /**
   * Replaces the set of clusters. New ones are connected to. Removed ones are stopped, and their jobs stay as they were
   * last seen. Changed ones restart, over their open connection if they are still reached in the same way. The others
   * are not affected.
   */
  configure(settings: readonly ClusterSettings[]): Promise<void> {
    this.#changing = this.#changing.then(async () => {
      this.#changeBeganAt = performance.now();
      await this.#configure(settings);
      this.#changeBeganAt = null;
    });
    return this.#changing;
  }

  /** Whether the jobs of all clusters are followed, as `Cluster.isPolling` has it. */
  get arePolling(): boolean {
    const isChanging = this.#changeBeganAt !== null && performance.now() - this.#changeBeganAt < LONGEST_CHANGE_MS;
    return !this.#isStopped && (isChanging || this.all().every((cluster) => cluster.isPolling));
  }

  /** Why the current clusters.yaml is not in force, but an older one; null: it is in force. */
  get configurationFault(): string | null {
    return this.#configurationFault;
  }

  set configurationFault(fault: string | null) {
    if (fault === this.#configurationFault) return;
    this.#configurationFault = fault;
    this.#changes.note(null);
  }

  /** The number of the last change of any cluster. */
  get newestChange(): number {
    return this.#changes.newest;
  }

  /** The clusters that were changed, added or removed after the change with this number. */
  changedSince(number: number): readonly ClusterChange[] {
    return this.#changes.since(number);
  }

  /** Resolves at the next change, or once the signal is aborted. */
  async nextChange(signal: AbortSignal): Promise<void> {
    await this.#changes.next(signal);
  }

  all(): readonly Cluster[] {
    return [...this.#clusters.values()];
  }

  get(name: string): Cluster | null {
    return this.#clusters.get(name) ?? null;
  }

  /**
   * What took the place of a cluster that was looked up earlier: itself as long as it is in use. Waits for a change that is
   * in progress. Null: its name is no longer in clusters.yaml.
   */
  async successor(cluster: Cluster): Promise<Cluster | null> {
    if (!cluster.isStopped) return cluster;
    await this.#changing;
    return this.get(cluster.settings.name);
  }

  /**
   * Submits a recorded job on the cluster that has this name, also when that is replaced meanwhile. Resolves once Slurm has
   * answered or one attempt has failed, or when there is no such cluster any more.
   */
  async submit(name: string, jobId: string): Promise<void> {
    let cluster = this.get(name);
    while (cluster !== null) {
      await cluster.jobs.submit(jobId);
      const next: Cluster | null = await this.successor(cluster);
      if (next === cluster) return;
      cluster = next;
    }
  }

  /** What the history knows of a cluster that is no longer configured. */
  former(name: string): KnownCluster | null {
    return this.#former.get(name) ?? null;
  }

  /** The files of the cluster that has this name when a method is called; throws SshUnavailable while there is none. */
  files(name: string): RemoteFiles {
    const now = () => {
      const cluster = this.get(name);
      if (cluster === null) throw new SshUnavailable(`${name} is no longer in clusters.yaml`);
      return cluster.files;
    };
    const transport = () => this.get(name)?.files.transport ?? null;
    return {
      get transport() {
        return transport();
      },
      stat: async (...request) => now().stat(...request),
      isDirectory: async (...request) => now().isDirectory(...request),
      read: async (...request) => now().read(...request),
      write: async (...request) => now().write(...request),
      search: async (...request) => now().search(...request),
    };
  }

  /** Never throws. */
  async #configure(settings: readonly ClusterSettings[]): Promise<void> {
    if (this.#isStopped) return;
    const before = this.#clusters;
    const names = new Set(settings.map(({ name }) => name));
    const removed = [...before.values()].filter((cluster) => !names.has(cluster.settings.name));
    // First, so that removed clusters get no more requests while the others change.
    this.#clusters = new Map([...before].filter(([name]) => names.has(name)));
    for (const cluster of removed) {
      this.#former.set(cluster.settings.name, knownOf(cluster));
      this.#changes.note(cluster.settings.name);
    }
    const [clusters] = await Promise.all([
      Promise.all(settings.map((cluster) => this.#settle(before.get(cluster.name) ?? null, cluster))),
      ...removed.map((cluster) => this.#stopped(cluster)),
    ]);
    this.#clusters = new Map(clusters.map((cluster) => [cluster.settings.name, cluster]));
    for (const cluster of clusters) {
      this.#former.delete(cluster.settings.name);
      if (before.get(cluster.settings.name) === cluster) continue;
      this.#changes.note(cluster.settings.name);
      cluster.start();
    }
    this.#tell(before);
  }

  /** The cluster with these settings: the current one, or a new one that is not started yet. */
  async #settle(current: Cluster | null, settings: ClusterSettings): Promise<Cluster> {
    if (current !== null && isDeepStrictEqual(current.settings, settings)) return current;
    const load = current?.load ?? new LoadMeter(settings.name, this.#parts.metrics);
    const make = (known: KnownCluster | null, connection: SshConnection | null = null) =>
      new Cluster({
        ...{ settings, parts: this.#parts, known, changes: this.#changes, load, connection },
        fresh: { memory: this.#logins.of(settings.name), longAnswers: this.#longAnswers },
      });
    if (current === null) return make(this.former(settings.name));
    const isReachedAlike = CONNECTION_KEYS.every((key) => current.settings[key] === settings[key]);
    const connection = isReachedAlike ? await this.#handedOver(current) : await this.#stopped(current);
    return make(knownOf(current), connection);
  }

  /** Never throws. */
  async #handedOver(cluster: Cluster): Promise<SshConnection | null> {
    try {
      return await cluster.handOver();
    } catch (cause) {
      this.#parts.log.error({ err: cause }, `${cluster.settings.name}: did not stop cleanly`);
      return this.#stopped(cluster);
    }
  }

  /** Never throws. */
  async #stopped(cluster: Cluster): Promise<null> {
    try {
      await cluster.stop();
    } catch (cause) {
      this.#parts.log.error({ err: cause }, `${cluster.settings.name}: did not stop cleanly`);
    }
    return null;
  }

  #tell(before: ReadonlyMap<string, Cluster>): void {
    if (before.size === 0) return;
    const added = [...this.#clusters.keys()].filter((name) => !before.has(name));
    const removed = [...before.keys()].filter((name) => !this.#clusters.has(name));
    const changed = [...this.#clusters].filter(([name, cluster]) => (before.get(name) ?? cluster) !== cluster);
    if (added.length + removed.length + changed.length === 0) return;
    this.#parts.log.info(
      { added, removed, changed: changed.map(([name]) => name) },
      'clusters.yaml has changed and is in force',
    );
  }
}

function knownOf({ settings, health }: Cluster): KnownCluster {
  const { slurmVersion, lastPolledAt } = health;
  return { name: settings.name, host: settings.host, slurmVersion, lastPolledAt };
}
