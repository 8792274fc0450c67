/** GPUs of one type. `total` = `allocated` + `idle` + `unavailable`. */
export interface GpuPool {
  /** Empty for GPUs without a type. */
  readonly gpuType: string;
  readonly total: number;
  readonly allocated: number;
  readonly idle: number;
  /** Not allocated, and on a node that takes no job now. */
  readonly unavailable: number;
}

export interface ClusterNode {
  readonly name: string;
  /** Slurm's own words, joined by "+". */
  readonly state: string;
  readonly isUsable: boolean;
  readonly reason: string | null;
  readonly partitions: readonly string[];
  readonly cpusTotal: number;
  readonly cpusAllocated: number;
  readonly gpus: readonly GpuPool[];
}

export interface ClusterPartition {
  readonly name: string;
  readonly isDefault: boolean;
  readonly state: string;
  readonly timeLimitSeconds: number | null;
}

/** Partitions and nodes of a cluster, as one question to Slurm gave them. */
export interface Inventory {
  readonly fetchedAt: Date;
  readonly partitions: readonly ClusterPartition[];
  readonly nodes: readonly ClusterNode[];
}

/** Sums pools by GPU type, in the order of the types' names. */
export function sumPools(pools: Iterable<GpuPool>): GpuPool[] {
  const sums = new Map<string, GpuPool>();
  for (const pool of pools) {
    const sum = sums.get(pool.gpuType);
    sums.set(
      pool.gpuType,
      sum === undefined
        ? pool
        : {
            gpuType: pool.gpuType,
            total: sum.total + pool.total,
            allocated: sum.allocated + pool.allocated,
            idle: sum.idle + pool.idle,
            unavailable: sum.unavailable + pool.unavailable,
          },
    );
  }
  return [...sums.values()].sort((left, right) => (left.gpuType < right.gpuType ? -1 : 1));
}
