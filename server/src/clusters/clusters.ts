import type { ClusterSettings } from '../domain/cluster.ts';
import { WakeUp } from '../events/index.ts';
import type { KnownCluster } from '../store/index.ts';
import { Cluster, type ClusterParts } from './cluster.ts';

/** Every cluster of clusters.yaml, in its order, and the names of those that the history still knows. */
export class Clusters {
  readonly #settings: readonly ClusterSettings[];
  readonly #parts: ClusterParts;
  readonly #changes = new WakeUp();
  readonly #clusters = new Map<string, Cluster>();
  readonly #former = new Map<string, KnownCluster>();

  constructor(settings: readonly ClusterSettings[], parts: ClusterParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Begins to connect to each; waits for none. */
  async start(): Promise<void> {
    const known = new Map((await this.#parts.store.clusters.all()).map((cluster) => [cluster.name, cluster]));
    for (const settings of this.#settings) {
      const cluster = new Cluster(settings, known.get(settings.name) ?? null, this.#parts, this.#changes);
      this.#clusters.set(settings.name, cluster);
      known.delete(settings.name);
      cluster.start();
    }
    for (const cluster of known.values()) this.#former.set(cluster.name, cluster);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all().map((cluster) => cluster.stop()));
  }

  /** Resolves when the revision of some cluster has grown, or the signal is aborted. */
  async nextChange(signal: AbortSignal): Promise<void> {
    await this.#changes.wait(signal);
  }

  all(): readonly Cluster[] {
    return [...this.#clusters.values()];
  }

  get(name: string): Cluster | null {
    return this.#clusters.get(name) ?? null;
  }

  /** What is remembered of a cluster that is no longer configured. */
  former(name: string): KnownCluster | null {
    return this.#former.get(name) ?? null;
  }
}
