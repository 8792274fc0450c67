import type { ClusterHealth } from '../domain/cluster.ts';
import type { Cluster } from './cluster.ts';
import type { Clusters } from './clusters.ts';

/** A cluster as users see it: configured, or known only to the history. */
export interface ClusterView {
  readonly name: string;
  readonly host: string;
  readonly health: ClusterHealth;
  /** Null: it is no longer in clusters.yaml. */
  readonly live: Cluster | null;
}

export function viewOf(cluster: Cluster): ClusterView {
  return {
    name: cluster.settings.name,
    host: cluster.settings.host,
    get health() {
      return cluster.health;
    },
    live: cluster,
  };
}

/** The cluster of a job, whether or not it is still configured. */
export function clusterOfJob(clusters: Clusters, name: string): ClusterView {
  const cluster = clusters.get(name);
  if (cluster !== null) return viewOf(cluster);
  const former = clusters.former(name);
  return {
    name,
    host: former?.host ?? '',
    health: {
      status: 'IDLE',
      message: 'This cluster is no longer in clusters.yaml: its jobs are kept as they were last seen',
      slurmVersion: former?.slurmVersion ?? null,
      lastPolledAt: former?.lastPolledAt ?? null,
    },
    live: null,
  };
}

/** Whether the cluster's active jobs are shown as they were, rather than as they are. */
export function isStale({ live }: ClusterView): boolean {
  return live === null || live.isStale;
}
