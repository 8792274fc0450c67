import { describe, expect, it } from 'vitest';
import type { Inventory, PartitionSummary } from '../../domain/inventory.ts';
import { partitionsOf } from './inventory.ts';

const NOTHING = { total: 0, allocated: 0, idle: 0, unavailable: 0 };
const GPU: PartitionSummary = {
  ...{ name: 'gpu', isDefault: true, state: 'UP', timeLimitSeconds: 3600 },
  ...{ nodeCount: 1, cpus: NOTHING, memoryMb: NOTHING, gpus: [] },
};

/** A cluster with one partition, which counts how often its nodes are looked at. */
function aCluster(allowedPartitions?: readonly string[]) {
  let looks = 0;
  const inventory: Inventory = {
    fetchedAt: new Date(),
    partitions: new Map([['gpu', GPU]]),
    get nodes() {
      looks += 1;
      return [];
    },
    pools: { gpus: [], shards: [], mps: [] },
  };
  const live = {
    settings: { gpuCacheSeconds: 60, allowedPartitions },
    inventory: async () => ({ value: inventory, isStale: false }),
    knownInventory: inventory,
  };
  return { view: { name: 'alpha', live } as never, looks: () => looks };
}

describe('the partitions of a cluster', () => {
  it.each([[undefined], [['gpu']]])('are not summed again for each query, with allowed ones %j', async (allowed) => {
    const { view, looks } = aCluster(allowed);
    for (let query = 0; query < 3; query += 1) expect(await partitionsOf(view)).toEqual([GPU]);
    expect(looks()).toBe(0);
  });

  it('are the allowed ones, in that order, known or not', async () => {
    const { view } = aCluster(['secret', 'gpu']);
    const unknown = { state: null, timeLimitSeconds: null, nodeCount: null, cpus: null, memoryMb: null, gpus: null };
    expect(await partitionsOf(view)).toEqual([{ name: 'secret', isDefault: false, ...unknown }, GPU]);
  });
});
