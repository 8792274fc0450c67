import {
  type ClusterNode,
  type GpuPool,
  type Inventory,
  type ResourceCount,
  sumCounts,
  sumPools,
} from './inventory.ts';

/** One partition with the resources of its nodes. Null fields: only the configuration was read, and Slurm was not asked. */
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

/** The partitions of an inventory. If names are given, only those, in that order. */
export function summarizePartitions(inventory: Inventory, names?: readonly string[]): PartitionSummary[] {
  const members = new Map<string, ClusterNode[]>(inventory.partitions.map(({ name }) => [name, []]));
  for (const node of inventory.nodes) for (const name of node.partitions) members.get(name)?.push(node);
  const summaries = inventory.partitions.map((partition) => {
    const nodes = members.get(partition.name) ?? [];
    const gpus = sumPools(nodes.flatMap((node) => node.gpus));
    return {
      ...partition,
      nodeCount: nodes.length,
      cpus: sumCounts(nodes.map(({ cpus }) => cpus)),
      memoryMb: sumCounts(nodes.map(({ memoryMb }) => memoryMb)),
      // A node may be had through another partition that is up, but not through this one.
      gpus: partition.state === 'UP' ? gpus : gpus.map((pool) => ({ ...pool, obtainable: 0 })),
    };
  });
  return names === undefined
    ? summaries
    : names.map((name) => summaries.find((summary) => summary.name === name) ?? unaskedPartition(name));
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
