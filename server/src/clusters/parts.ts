import type { Journal } from '../events/index.ts';
import type { Staging } from '../projects/index.ts';
import type { OwnJobs } from '../slurm/index.ts';
import type { SshEnvironment } from '../ssh/index.ts';
import type { Store } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';

/** Shared by all clusters of a server. */
export interface ClusterParts {
  readonly store: Store;
  readonly journal: Journal;
  readonly staging: Staging;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly sshEnvironment: SshEnvironment;
}

/** The jobs of a cluster, by which its rows are told from those of others. */
export function ownJobs({ journal, store }: ClusterParts, clusterName: string): OwnJobs {
  return {
    active: () => journal.active(clusterName),
    among: (ids) => store.jobs.among(clusterName, ids),
  };
}
