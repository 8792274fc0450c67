import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GpuPool } from './inventory.ts';
import { anyPool, sumPools } from './testing.ts';

describe('pools summed by GPU type', () => {
  it('are one a type, in the order of their names, and lose or invent no GPU', () => {
    fc.assert(
      fc.property(fc.array(anyPool, { maxLength: 8 }), (pools) => {
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
