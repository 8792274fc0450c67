import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterNode } from '../../domain/inventory.ts';
import { anyCount, anyPool, sumPools } from '../../domain/testing.ts';
import { readTotals } from './totals.ts';
import { atOnce } from './turns.ts';

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
    cpus: anyCount,
    memoryMb: anyCount,
    gpus: fc.array(anyPool, { maxLength: 3 }),
  })
  .map((parts) => ({ ...NODE, ...parts }));

const partition = (name: string) => ({ name, isDefault: name === 'gpu', state: 'UP', timeLimitSeconds: 3600 });

const PARTITIONS = ['gpu', 'cpu', 'all'].map(partition);

const totalsOf = (nodes: readonly ClusterNode[], partitions = PARTITIONS) => atOnce(readTotals(partitions, nodes));

it('shards and mps are summed as well, apart from the GPUs', () => {
  const [shards, mps] = [4, 100].map((total) => [
    { gpuType: 'a100', total, allocated: 0, idle: total, unavailable: 0, obtainable: total },
  ]);
  const { pools } = totalsOf(['n1', 'n2'].map((name) => ({ ...NODE, name, shards: shards ?? [], mps: mps ?? [] })));
  expect(pools).toMatchObject({ gpus: [], shards: [{ total: 8 }], mps: [{ total: 200 }] });
});

describe('partitions', () => {
  it('hold what their nodes hold, and every count adds up', () => {
    fc.assert(
      fc.property(fc.array(node, { maxLength: 6 }), (nodes) => {
        const { partitions, pools } = totalsOf(nodes);
        expect(pools.gpus).toEqual(sumPools(nodes.flatMap(({ gpus }) => gpus)));
        for (const summary of partitions.values()) {
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
    const closed = totalsOf([{ ...NODE, gpus }], [{ ...partition('gpu'), state }]);
    expect(closed.partitions.get('gpu')?.gpus).toEqual([{ ...gpus[0], obtainable: 0 }]);
  });

  it('count a node in each of its partitions', () => {
    const both = { ...NODE, partitions: ['gpu', 'all'] };
    expect([...totalsOf([both]).partitions].map(([name, { nodeCount }]) => [name, nodeCount])).toEqual([
      ['gpu', 1],
      ['cpu', 0],
      ['all', 1],
    ]);
  });
});
