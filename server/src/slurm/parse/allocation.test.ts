import { describe, expect, it } from 'vitest';
import { parseAllocation } from './allocation.ts';

const read = (tres: string) => parseAllocation(tres, 3600, true);

describe('what a job was given', () => {
  // squeue of 20.11.4, 22.05.8, 24.11.5 and 26.05.5 writes the first three so.
  it.each([
    ['cpu=1,mem=1000M,node=1,billing=1,gres/gpu=2', 1, 1000, [{ gpuType: '', count: 2 }]],
    ['cpu=8,mem=6000M,node=2,billing=8', 8, 6000, []],
    ['cpu=1,mem=500G,node=1,billing=1', 1, 512_000, []],
    ['billing=1,cpu=1,gres/gpu=3,mem=1000M,node=1', 1, 1000, [{ gpuType: '', count: 3 }]],
    ['cpu=4,mem=1.50T,node=1,gres/gpu=4,gres/gpu:a100=4', 4, 1_572_864, [{ gpuType: 'a100', count: 4 }]],
    [
      'cpu=4,node=1,gres/gpu:a100=1,gres/gpu:1g.5gb=2',
      4,
      null,
      [
        { gpuType: 'a100', count: 1 },
        { gpuType: '1g.5gb', count: 2 },
      ],
    ],
    [
      'cpu=4,node=1,gres/gpu=3,gres/gpu:a100=1',
      4,
      null,
      [
        { gpuType: 'a100', count: 1 },
        { gpuType: '', count: 2 },
      ],
    ],
    ['cpu=2,mem=512K,node=1,gres/shard=4,gres/gpu_memory=80G', 2, 1, []],
  ])('%s', (tres, cpus, memoryMb, gpus) => {
    expect(read(tres)).toEqual({ cpus, memoryMb, gpus, timeLimitSeconds: 3600 });
  });

  it('has GPUs that are not known where the cluster does not count them', () => {
    expect(parseAllocation('cpu=1,node=1', null, false)).toMatchObject({ gpus: null, timeLimitSeconds: null });
  });

  it.each(['', 'N/A', '(null)', 'nothing', '='])('is not known from %j', (tres) => {
    expect(read(tres)).toBeNull();
  });

  it('has few types of GPUs, and counts those of further ones without their types', () => {
    const types = Array.from({ length: 1000 }, (_, index) => `gres/gpu:t${index}=2`);
    const gpus = read(`cpu=4,node=1,gres/gpu=2000,${types.join(',')}`)?.gpus ?? [];
    expect(gpus.map(({ gpuType }) => gpuType)).toEqual([...Array.from({ length: 64 }, (_, index) => `t${index}`), '']);
    expect(gpus.reduce((sum, { count }) => sum + count, 0)).toBe(2000);
  });
});
