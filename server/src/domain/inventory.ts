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

/** Partitions and nodes of a cluster, from one query. */
export interface Inventory {
  readonly fetchedAt: Date;
  readonly partitions: readonly ClusterPartition[];
  /** Each once, however many partitions it is in. */
  readonly nodes: readonly ClusterNode[];
}

const NOTHING: ResourceCount = { total: 0, allocated: 0, idle: 0, unavailable: 0 };

function addCounts(left: ResourceCount, right: ResourceCount): ResourceCount {
  return {
    total: left.total + right.total,
    allocated: left.allocated + right.allocated,
    idle: left.idle + right.idle,
    unavailable: left.unavailable + right.unavailable,
  };
}

export function sumCounts(counts: Iterable<ResourceCount>): ResourceCount {
  let sum = NOTHING;
  for (const count of counts) sum = addCounts(sum, count);
  return sum;
}

/** Sums pools by GPU type, in the order of the types' names. */
export function sumPools(pools: Iterable<GpuPool>): GpuPool[] {
  const sums = new Map<string, GpuPool>();
  for (const pool of pools) {
    const { gpuType } = pool;
    const sum = sums.get(gpuType);
    sums.set(
      gpuType,
      sum === undefined ? pool : { gpuType, ...addCounts(sum, pool), obtainable: sum.obtainable + pool.obtainable },
    );
  }
  return [...sums.values()].sort((left, right) => (left.gpuType < right.gpuType ? -1 : 1));
}
