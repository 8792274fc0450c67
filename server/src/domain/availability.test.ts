import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summarizePartitions, unaskedPartition } from './availability.ts';
import { type ClusterNode, type GpuPool, type Inventory, type ResourceCount, sumPools } from './inventory.ts';

const count: fc.Arbitrary<ResourceCount> = fc
  .record({ allocated: fc.nat(8), idle: fc.nat(8), unavailable: fc.nat(8) })
  .map((parts) => ({ ...parts, total: parts.allocated + parts.idle + parts.unavailable }));

const pool: fc.Arbitrary<GpuPool> = fc
  .record({
    gpuType: fc.constantFrom('', 'a100', 'h100'),
    parts: count,
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ gpuType, parts, share }) => ({ gpuType, ...parts, obtainable: Math.floor(parts.idle * share) }));

const NODE: ClusterNode = {
  name: 'n1',
  stateWords: ['IDLE'],
  isUsable: true,
  isPlanned: false,
  isPoweredDown: false,
  isPoweringUp: false,
  obstacle: null,
  reason: null,
  partitions: ['gpu'],
  features: [],
  cpus: { total: 8, allocated: 3, idle: 5, unavailable: 0 },
  memoryMb: { total: 1000, allocated: 0, idle: 1000, unavailable: 0 },
  gpus: [],
  allocatedGpuIndexes: [],
  shards: [],
  mps: [],
};

const node: fc.Arbitrary<ClusterNode> = fc
  .record({
    name: fc.constantFrom('n1', 'n2', 'n3'),
    partitions: fc.subarray(['gpu', 'cpu', 'all']),
    cpus: count,
    memoryMb: count,
    gpus: fc.array(pool, { maxLength: 3 }),
  })
  .map((parts) => ({ ...NODE, ...parts }));

const partition = (name: string) => ({ name, isDefault: name === 'gpu', state: 'UP', timeLimitSeconds: 3600 });

function inventory(nodes: readonly ClusterNode[], names = ['gpu', 'cpu', 'all']): Inventory {
  return { fetchedAt: new Date(), partitions: names.map(partition), nodes };
}

describe('pools summed by GPU type', () => {
  it('are one a type, in the order of their names, and lose or invent no GPU', () => {
    fc.assert(
      fc.property(fc.array(pool, { maxLength: 8 }), (pools) => {
        const sums = sumPools(pools);
        const types = sums.map(({ gpuType }) => gpuType);
        expect(types).toEqual([...new Set(pools.map(({ gpuType }) => gpuType))].sort());
        for (const key of ['total', 'allocated', 'idle', 'unavailable', 'obtainable'] as const) {
          const count = (list: readonly GpuPool[]) => list.reduce((sum, each) => sum + each[key], 0);
          expect(count(sums)).toBe(count(pools));
        }
        for (const { total, allocated, idle, unavailable } of sums) expect(total).toBe(allocated + idle + unavailable);
      }),
    );
  });

  it('leave the pools that they were given as they were', () => {
    const given = [{ gpuType: 'a100', total: 4, allocated: 1, idle: 3, unavailable: 0, obtainable: 2 }];
    sumPools([...given, ...given]);
    expect(given).toEqual([{ gpuType: 'a100', total: 4, allocated: 1, idle: 3, unavailable: 0, obtainable: 2 }]);
  });
});

describe('partitions', () => {
  it('hold what their nodes hold, and every count adds up', () => {
    fc.assert(
      fc.property(fc.array(node, { maxLength: 6 }), (nodes) => {
        for (const summary of summarizePartitions(inventory(nodes))) {
          const members = nodes.filter(({ partitions }) => partitions.includes(summary.name));
          expect(summary.nodeCount).toBe(members.length);
          for (const key of ['cpus', 'memoryMb'] as const) {
            const { total = 0, allocated = 0, idle = 0, unavailable = 0 } = summary[key] ?? {};
            expect(total).toBe(members.reduce((sum, each) => sum + each[key].total, 0));
            expect(total).toBe(allocated + idle + unavailable);
          }
          expect(summary.gpus).toEqual(sumPools(members.flatMap(({ gpus }) => gpus)));
        }
      }),
    );
  });

  it.each(['DOWN', 'DRAIN', 'INACTIVE'])('in state %s say what is idle, and that none of it can be had', (state) => {
    const gpus = [{ gpuType: 'a100', total: 4, allocated: 1, idle: 3, unavailable: 0, obtainable: 3 }];
    const closed = { fetchedAt: new Date(), nodes: [{ ...NODE, gpus }], partitions: [{ ...partition('gpu'), state }] };
    expect(summarizePartitions(closed)[0]?.gpus).toEqual([{ ...gpus[0], obtainable: 0 }]);
  });

  it('count a node in each of its partitions', () => {
    const both = { ...NODE, partitions: ['gpu', 'all'] };
    expect(summarizePartitions(inventory([both])).map(({ name, nodeCount }) => [name, nodeCount])).toEqual([
      ['gpu', 1],
      ['cpu', 0],
      ['all', 1],
    ]);
  });

  it('are those that are named, in that order, known or not', () => {
    const summaries = summarizePartitions(inventory([]), ['secret', 'gpu']);
    expect(summaries[0]).toEqual(unaskedPartition('secret'));
    expect(summaries[1]).toMatchObject({ name: 'gpu', state: 'UP', nodeCount: 0, gpus: [] });
    expect(summaries).toHaveLength(2);
  });

  it('of which nothing but the name is known have nothing else', () => {
    const { name, isDefault, ...rest } = unaskedPartition('gpu');
    expect({ name, isDefault }).toEqual({ name: 'gpu', isDefault: false });
    expect(new Set(Object.values(rest))).toEqual(new Set([null]));
  });
});
