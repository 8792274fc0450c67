import { CLUSTER_STATUSES } from '../domain/cluster.ts';
import type { Metrics } from '../telemetry/index.ts';
import type { Clusters } from './clusters.ts';

/** Reports the status of each cluster of clusters.yaml as metrics. */
export function observeClusters(clusters: Clusters, metrics: Metrics): void {
  metrics.gauges(
    'slurmql_cluster_up',
    '1: nothing is known to be wrong with the cluster (its status is ONLINE or IDLE). 0: jobs may not reach Slurm.',
    ['cluster'],
    () =>
      clusters.all().map(({ settings, health }) => ({
        labels: { cluster: settings.name },
        value: health.status === 'ONLINE' || health.status === 'IDLE' ? 1 : 0,
      })),
  );
  metrics.gauges(
    'slurmql_cluster_status',
    '1 for the status that the cluster has, 0 for every other one.',
    ['cluster', 'status'],
    () =>
      clusters.all().flatMap(({ settings, health }) =>
        CLUSTER_STATUSES.map((status) => ({
          labels: { cluster: settings.name, status },
          value: health.status === status ? 1 : 0,
        })),
      ),
  );
  metrics.gauges(
    'slurmql_cluster_last_poll_timestamp_seconds',
    "When Slurm's queue was last read completely, in Unix time; absent before the first time.",
    ['cluster'],
    () =>
      clusters.all().flatMap(({ settings, health: { lastPolledAt } }) => {
        if (lastPolledAt === null) return [];
        return [{ labels: { cluster: settings.name }, value: lastPolledAt.getTime() / 1000 }];
      }),
  );
}
