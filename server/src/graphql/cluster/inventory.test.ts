import { graphql } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { Inventory, PartitionSummary } from '../../domain/inventory.ts';
import { schema } from '../schema.ts';
import { alone } from '../testing.ts';
import { Work } from '../work.ts';
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

it('the partitions and features of nodes count as text that is read, each time that they are asked for', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `${index}`.padEnd(250, 'x'));
  const nodes = Array.from({ length: 100 }, (_, index) => ({ name: `n${index}`, partitions: names }));
  const cluster = {
    settings: { name: 'alpha', gpuCacheSeconds: 60 },
    inventory: async () => ({ value: { nodes }, isStale: false }),
  };
  const asked = async (times: number) => {
    const work = new Work(alone());
    const fields = Array.from({ length: times }, (_, index) => `p${index}: partitions`);
    const source = `{ cluster(name: "alpha") { nodes { ${fields.join(' ')} } } }`;
    await graphql({ schema, source, contextValue: { work, clusters: { get: () => cluster } } });
    return work.excess?.message ?? null;
  };
  expect(await asked(1)).toBeNull();
  expect(await asked(14)).toMatch('reads more than');
});
