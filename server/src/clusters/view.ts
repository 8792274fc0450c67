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

/** Nothing has been heard from a job's cluster for so many poll intervals: what is shown of it may be out of date. */
const STALE_INTERVALS = 3;

/** Whether an active job is shown as it was, rather than as it is. `since`: when Slurm took the job. */
export function isStale({ live }: ClusterView, since: Date, now: Date): boolean {
  if (live === null) return true;
  const heardAt = Math.max(live.lastHeardAt?.getTime() ?? 0, since.getTime());
  return now.getTime() - heardAt > STALE_INTERVALS * live.settings.pollIntervalSeconds * 1000;
}
