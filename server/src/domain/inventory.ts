/** An amount of a resource. `total` = `allocated` + `idle` + `unavailable`. */
export interface ResourceCount {
  readonly total: number;
  readonly allocated: number;
  readonly idle: number;
  /** Not allocated, and not available in the current state of its node. */
  readonly unavailable: number;
}

/** GPUs of one type, or slices of such GPUs that are allocated separately. */
export interface GpuPool extends ResourceCount {
  /** Empty for GPUs without a type. */
  readonly gpuType: string;
  /** Of the idle ones, those that a job could get now: see `NodeObstacle`. */
  readonly obtainable: number;
}

/** What keeps a node's idle GPUs from a new job: the first of these that applies. */
export const NODE_OBSTACLES = ['STATE', 'PARTITIONS', 'CPUS', 'MEMORY'] as const;
export type NodeObstacle = (typeof NODE_OBSTACLES)[number];

export interface ClusterNode {
  readonly name: string;
  /** Slurm's own words; suffixes such as "*" are written out as words. */
  readonly stateWords: readonly string[];
  /** Whether the scheduler gives it jobs in this state. */
  readonly isUsable: boolean;
  /** Reserved for a waiting job: others get it only if they end before that job starts. */
  readonly isPlanned: boolean;
  /** Off to save power; a job that gets it waits until it is up. */
  readonly isPoweredDown: boolean;
  /** On its way up; jobs get it already. */
  readonly isPoweringUp: boolean;
  readonly obstacle: NodeObstacle | null;
  /** Why it is not usable, or a note of an administrator. Never null if it is not usable. */
  readonly reason: string | null;
  readonly partitions: readonly string[];
  /** Its current features and those that are available after a reboot. */
  readonly features: readonly string[];
  readonly cpus: ResourceCount;
  readonly memoryMb: ResourceCount;
  readonly gpus: readonly GpuPool[];
  /** Device numbers of the GPUs that are allocated whole; also empty if Slurm doesn't report them. */
  readonly allocatedGpuIndexes: readonly number[];
  /** Slices of the GPUs above (gres/shard): never to be added to them. */
  readonly shards: readonly GpuPool[];
  /** Shares of the GPUs above (gres/mps): never to be added to them. */
  readonly mps: readonly GpuPool[];
}

export interface ClusterPartition {
  readonly name: string;
  readonly isDefault: boolean;
  /** UP, DOWN, DRAIN or INACTIVE. New jobs start only while it is UP. */
  readonly state: string;
  readonly timeLimitSeconds: number | null;
}

/** A partition with the resources of its nodes. Null fields: only the configuration was read, and Slurm was not asked. */
export interface PartitionSummary {
  readonly name: string;
  readonly isDefault: boolean;
  readonly state: string | null;
  readonly timeLimitSeconds: number | null;
  readonly nodeCount: number | null;
  readonly cpus: ResourceCount | null;
  readonly memoryMb: ResourceCount | null;
  readonly gpus: readonly GpuPool[] | null;
}

/** Partitions and nodes of a cluster, from one query, and what they hold together. */
export interface Inventory {
  readonly fetchedAt: Date;
  /** By name. */
  readonly partitions: ReadonlyMap<string, PartitionSummary>;
  /** Each once, however many partitions it is in. */
  readonly nodes: readonly ClusterNode[];
  /** Of all nodes together, by type. */
  readonly pools: Pick<ClusterNode, 'gpus' | 'shards' | 'mps'>;
}

/** A partition of which nothing but the name is known. */
export function unaskedPartition(name: string): PartitionSummary {
  return {
    name,
    isDefault: false,
    state: null,
    timeLimitSeconds: null,
    nodeCount: null,
    cpus: null,
    memoryMb: null,
    gpus: null,
  };
}

export const NO_RESOURCE: ResourceCount = { total: 0, allocated: 0, idle: 0, unavailable: 0 };

export function addCounts(left: ResourceCount, right: ResourceCount): ResourceCount {
  return {
    total: left.total + right.total,
    allocated: left.allocated + right.allocated,
    idle: left.idle + right.idle,
    unavailable: left.unavailable + right.unavailable,
  };
}

/** Sums pools by GPU type. */
export class PoolSums {
  readonly #sums = new Map<string, GpuPool>();

  add(pools: Iterable<GpuPool>): void {
    for (const pool of pools) {
      const { gpuType } = pool;
      const sum = this.#sums.get(gpuType);
      this.#sums.set(
        gpuType,
        sum === undefined ? pool : { gpuType, ...addCounts(sum, pool), obtainable: sum.obtainable + pool.obtainable },
      );
    }
  }

  /** In the order of the types' names. */
  all(): GpuPool[] {
    return [...this.#sums.values()].sort((left, right) => (left.gpuType < right.gpuType ? -1 : 1));
  }
}
