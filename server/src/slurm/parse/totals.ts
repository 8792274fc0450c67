import {
  addCounts,
  type ClusterNode,
  type ClusterPartition,
  type Inventory,
  NO_RESOURCE,
  type PartitionSummary,
  PoolSums,
} from '../../domain/inventory.ts';
import { Budget, MAX_PARTITION_TYPES } from './limits.ts';
import { Pace, type Reading } from './turns.ts';

/**
 * Sums what nodes hold: all of them, and those of each partition. It is done once for an answer, in turns of the event
 * loop, because the sums are nodes × partitions × types of GPUs. Throws UnreadableAnswer for more than any cluster has.
 */
export function* readTotals(
  partitions: readonly ClusterPartition[],
  nodes: readonly ClusterNode[],
): Reading<Pick<Inventory, 'partitions' | 'pools'>> {
  const pace = new Pace();
  const types = new Budget(MAX_PARTITION_TYPES, 'types of GPUs of nodes in partitions');
  const sums = new Map(partitions.map((partition) => [partition.name, new PartitionSum(partition)]));
  const pools = { gpus: new PoolSums(), shards: new PoolSums(), mps: new PoolSums() };
  for (const node of nodes) {
    const { gpus, shards, mps } = node;
    types.take(node.partitions.length * gpus.length);
    if (pace.isDue(1 + gpus.length + shards.length + mps.length)) yield;
    pools.gpus.add(gpus);
    pools.shards.add(shards);
    pools.mps.add(mps);
    for (const name of node.partitions) {
      if (pace.isDue(1 + gpus.length)) yield;
      sums.get(name)?.add(node);
    }
  }
  const summaries = new Map<string, PartitionSummary>();
  for (const [name, sum] of sums) {
    const summary = sum.summary();
    summaries.set(name, summary);
    if (pace.isDue(1 + summary.gpus.length)) yield;
  }
  return {
    partitions: summaries,
    pools: { gpus: pools.gpus.all(), shards: pools.shards.all(), mps: pools.mps.all() },
  };
}

/** What the nodes of one partition hold together. */
class PartitionSum {
  readonly #partition: ClusterPartition;
  #nodeCount = 0;
  #cpus = NO_RESOURCE;
  #memoryMb = NO_RESOURCE;
  readonly #gpus = new PoolSums();

  constructor(partition: ClusterPartition) {
    this.#partition = partition;
  }

  add({ cpus, memoryMb, gpus }: ClusterNode): void {
    this.#nodeCount += 1;
    this.#cpus = addCounts(this.#cpus, cpus);
    this.#memoryMb = addCounts(this.#memoryMb, memoryMb);
    this.#gpus.add(gpus);
  }

  summary() {
    const gpus = this.#gpus.all();
    return {
      ...this.#partition,
      nodeCount: this.#nodeCount,
      cpus: this.#cpus,
      memoryMb: this.#memoryMb,
      // A node may be had through another partition that is up, but not through this one.
      gpus: this.#partition.state === 'UP' ? gpus : gpus.map((pool) => ({ ...pool, obtainable: 0 })),
    } satisfies PartitionSummary;
  }
}
