import type { Database } from './database.ts';

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
}
