import type { LoginMemory } from '../ssh/index.ts';
import type { Store } from '../store/index.ts';
import type { Logger } from '../telemetry/index.ts';

interface LoginMemoriesParts {
  readonly store: Pick<Store, 'clusters'>;
  readonly log: Logger;
}

/** What the logins to all clusters have shown of themselves, kept over a restart. */
export class LoginMemories {
  readonly #parts: LoginMemoriesParts;
  #kept = new Map<string, NonNullable<LoginMemory['worked']>>();

  constructor(parts: LoginMemoriesParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    this.#kept = await this.#parts.store.clusters.acceptedKeys();
  }

  /** Of the cluster with this name, however it is reached: the login itself finds out whether that is still the same. */
  of(clusterName: string): LoginMemory {
    return {
      worked: this.#kept.get(clusterName) ?? null,
      keep: (worked) => {
        if (worked === null) this.#kept.delete(clusterName);
        else this.#kept.set(clusterName, worked);
        const { store, log } = this.#parts;
        store.clusters
          .saveAcceptedKeys(clusterName, worked)
          .catch((cause: unknown) => log.error({ err: cause }, `${clusterName}: what its login takes can't be stored`));
      },
    };
  }
}
