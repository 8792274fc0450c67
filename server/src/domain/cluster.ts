export const CLUSTER_STATUSES = ['CONNECTING', 'ONLINE', 'DEGRADED', 'UNREACHABLE', 'AUTH_REQUIRED', 'IDLE'] as const;
export type ClusterStatus = (typeof CLUSTER_STATUSES)[number];

/** What is known of a cluster's connection and of its Slurm. */
export interface ClusterHealth {
  readonly status: ClusterStatus;
  /** What is wrong and what to do about it; null when nothing is. */
  readonly message: string | null;
  readonly slurmVersion: string | null;
  readonly lastPolledAt: Date | null;
}

export const GPU_REQUEST_STYLES = ['gres', 'gpus', 'constraint'] as const;
/** The syntax in which a cluster expects requests for GPUs. */
export type GpuRequestStyle = (typeof GPU_REQUEST_STYLES)[number];

/** One cluster of clusters.yaml, with its defaults filled in. */
export interface ClusterSettings {
  readonly name: string;
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  readonly identityFile?: string;
  readonly knownHosts?: string;
  readonly proxyJump?: string;
  /** On the cluster; `~` is the login's home directory. */
  readonly workspace: string;
  /** Users and groups of the cluster, by name, that may own or write to directories above the workspace. */
  readonly workspaceTrusts?: readonly string[];
  readonly allowedPartitions?: readonly string[];
  readonly allowedGpuTypes?: readonly string[];
  readonly gpuRequest: GpuRequestStyle;
  readonly condaEnv?: string;
  readonly pollIntervalSeconds: number;
  readonly gpuCacheSeconds: number;
  readonly help?: string;
  readonly prologue?: string;
}
