import { describe, expect, it } from 'vitest';
import type { ClusterNode, GpuPool } from './operations.ts';
import { describeNode, describePool, describeSlices, noteOf } from './words.ts';

const POOL: GpuPool = { gpuType: 'a100', total: 8, allocated: 1, idle: 5, unavailable: 2, obtainable: 3 };
const NODE: ClusterNode = {
  name: 'gpu01',
  state: 'MIXED',
  isUsable: true,
  isPlanned: false,
  isPoweredDown: false,
  isPoweringUp: false,
  obstacle: null,
  reason: null,
  partitions: ['gpu', 'all'],
  cpus: { total: 64, allocated: 16 },
  memoryMb: { total: 262_144, allocated: 1_024 },
  gpus: [POOL],
  shards: [],
  mps: [],
};

describe('the words for a pool', () => {
  it('call free only what can be had', () => {
    expect(describePool(POOL)).toBe('3 of 8 free, 2 idle but not available now, 1 allocated, 2 unavailable');
    expect(describePool({ ...POOL, unavailable: 0, idle: 7, obtainable: 7 })).toBe('7 of 8 free, 1 allocated');
  });

  it('tell shards and MPS apart from GPUs', () => {
    expect(describeSlices({ shards: [], mps: [] })).toBe('');
    expect(describeSlices({ shards: [POOL], mps: [POOL] })).toBe('shards: 3 of 8 free, MPS: 3 of 8 free');
  });
});

describe('the note on a node', () => {
  it.each<[Partial<ClusterNode>, string | null]>([
    [{}, null],
    [{ isUsable: false, obstacle: 'STATE', reason: 'bad fan' }, 'bad fan'],
    [{ isPlanned: true }, 'Planned for a waiting job'],
    [{ isPoweredDown: true }, 'Powered down, starts on demand'],
    [{ isPoweringUp: true, obstacle: 'CPUS' }, 'Powering up. No CPU is free'],
    [{ obstacle: 'PARTITIONS', reason: 'soon' }, 'None of its partitions is up. soon'],
    [{ obstacle: 'MEMORY' }, 'No memory is free'],
  ])('with %j is %j', (parts, note) => {
    expect(noteOf({ ...NODE, ...parts })).toBe(note);
  });
});

it('a node in full has its GPUs, state, CPUs, memory and partitions in words', () => {
  expect(describeNode(NODE, null)).toBe(
    'gpu01. State MIXED. 16 of 64 CPUs allocated. 1 GB of 256 GB memory allocated. Partitions: gpu, all',
  );
});
