import { type ClusterNode, type GpuPool, type Inventory, sumPools } from './inventory.ts';

export interface ResourceCount {
  readonly total: number;
  readonly allocated: number;
  readonly idle: number;
  readonly unavailable: number;
}

/** One partition with what its nodes hold. Null parts: only the configuration was read, and Slurm was not asked. */
export interface PartitionSummary {
  readonly name: string;
  readonly isDefault: boolean;
  readonly state: string | null;
  readonly timeLimitSeconds: number | null;
  readonly nodeCount: number | null;
  readonly cpus: ResourceCount | null;
  readonly gpus: readonly GpuPool[] | null;
}

/** The partitions of an inventory; the named ones alone, in their order, when names are given. */
export function summarizePartitions(inventory: Inventory, names?: readonly string[]): PartitionSummary[] {
  const summaries = inventory.partitions.map((partition) => {
    const nodes = inventory.nodes.filter((node) => node.partitions.includes(partition.name));
    return {
      ...partition,
      nodeCount: nodes.length,
      cpus: sumCpus(nodes),
      gpus: sumPools(nodes.flatMap((node) => node.gpus)),
    };
  });
  return names === undefined
    ? summaries
    : names.map((name) => summaries.find((summary) => summary.name === name) ?? unaskedPartition(name));
}

/** A partition of which nothing but the name is known. */
export function unaskedPartition(name: string): PartitionSummary {
  return { name, isDefault: false, state: null, timeLimitSeconds: null, nodeCount: null, cpus: null, gpus: null };
}

function sumCpus(nodes: readonly ClusterNode[]): ResourceCount {
  const sum = { total: 0, allocated: 0, idle: 0, unavailable: 0 };
  for (const { cpusTotal, cpusAllocated, isUsable } of nodes) {
    const free = Math.max(0, cpusTotal - cpusAllocated);
    sum.total += cpusTotal;
    sum.allocated += cpusAllocated;
    if (isUsable) sum.idle += free;
    else sum.unavailable += free;
  }
  return sum;
}
