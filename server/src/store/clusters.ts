import { z } from 'zod';
import type { Database } from './database.ts';
import { readJson } from './json.ts';

const ACCEPTED_KEYS = z.record(z.string(), z.string());

/** What was last known of a cluster, kept after its entry in clusters.yaml is removed. */
export interface KnownCluster {
  readonly name: string;
  readonly host: string;
  readonly slurmVersion: string | null;
  readonly lastPolledAt: Date | null;
}

export class ClusterQueries {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async all(): Promise<KnownCluster[]> {
    const rows = await this.#database.selectFrom('clusters').selectAll().orderBy('name').execute();
    return rows.map((row) => ({
      name: row.name,
      host: row.host,
      slurmVersion: row.slurm_version,
      lastPolledAt: row.last_polled_at === null ? null : new Date(row.last_polled_at),
    }));
  }

  async save(cluster: KnownCluster): Promise<void> {
    const row = {
      name: cluster.name,
      host: cluster.host,
      slurm_version: cluster.slurmVersion,
      last_polled_at: cluster.lastPolledAt?.getTime() ?? null,
    };
    await this.#database
      .insertInto('clusters')
      .values(row)
      .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
      .execute();
  }

  /** By cluster, what its login last took without asking anybody: fingerprints of keys by the hosts on the way. */
  async acceptedKeys(): Promise<Map<string, ReadonlyMap<string, string>>> {
    const rows = await this.#database.selectFrom('cluster_logins').selectAll().execute();
    return new Map(
      rows.flatMap((row) => {
        const keys = readJson(row.accepted_keys, ACCEPTED_KEYS);
        return keys === null ? [] : [[row.cluster_name, new Map(Object.entries(keys))]];
      }),
    );
  }

  /** `keys`: null to forget them. */
  async saveAcceptedKeys(name: string, keys: ReadonlyMap<string, string> | null): Promise<void> {
    if (keys === null) {
      await this.#database.deleteFrom('cluster_logins').where('cluster_name', '=', name).execute();
      return;
    }
    const row = { cluster_name: name, accepted_keys: JSON.stringify(Object.fromEntries(keys)) };
    await this.#database
      .insertInto('cluster_logins')
      .values(row)
      .onConflict((conflict) => conflict.column('cluster_name').doUpdateSet(row))
      .execute();
  }
}
