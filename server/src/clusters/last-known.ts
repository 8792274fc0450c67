import type { ClusterSettings } from '../domain/cluster.ts';
import type { KnownCluster, Store } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';

interface LastKnownParts {
  readonly store: Pick<Store, 'clusters'>;
  readonly log: Logger;
}

/** What is known of a cluster while it can't be asked; survives a restart. */
export class LastKnown {
  readonly #settings: ClusterSettings;
  readonly #parts: LastKnownParts;
  #slurmVersion: string | null;
  #lastPolledAt: Date | null;
  #lastHeardAt: Date | null = null;

  /** `known`: from an earlier run; null for a new cluster. */
  constructor(settings: ClusterSettings, known: KnownCluster | null, parts: LastKnownParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#slurmVersion = known?.slurmVersion ?? null;
    this.#lastPolledAt = known?.lastPolledAt ?? null;
  }

  get slurmVersion(): string | null {
    return this.#slurmVersion;
  }

  get lastPolledAt(): Date | null {
    return this.#lastPolledAt;
  }

  /** When Slurm on this cluster last gave an answer to anything; null: not since the server's start. */
  get lastHeardAt(): Date | null {
    return this.#lastHeardAt;
  }

  /** Slurm has answered something. */
  heard({ slurmVersion }: { readonly slurmVersion?: string } = {}): void {
    this.#slurmVersion = slurmVersion ?? this.#slurmVersion;
    this.#lastHeardAt = new Date();
    const { name, host } = this.#settings;
    const { store, log } = this.#parts;
    store.clusters
      .save({ name, host, slurmVersion: this.#slurmVersion, lastPolledAt: this.#lastPolledAt })
      .catch((cause: unknown) => log.error({ err: cause }, `${name}: can't store what is known of it`));
  }

  /** Slurm has answered a query of the queue. */
  polled(): void {
    this.#lastPolledAt = new Date();
    this.heard();
  }
}
