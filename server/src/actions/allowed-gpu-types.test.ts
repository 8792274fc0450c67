import { describe, expect, it } from 'vitest';
import type { ComponentRequest } from '../domain/component.ts';
import { NO_RESOURCES } from '../domain/testing.ts';
import { turnsDuring } from '../store/testing.ts';
import { gpuTypesNotAllowed } from './allowed-gpu-types.ts';

const NODES = 500;

/** A cluster whose nodes may be had, but for their GPUs; it counts how often one is looked at. */
function aCluster() {
  let looks = 0;
  const nodes = Array.from({ length: NODES }, (_, index) => ({
    ...{ name: `n${index}`, features: [], gpus: [{ gpuType: 'h100', total: 1 }] },
    get partitions() {
      looks += 1;
      return ['gpu'];
    },
  }));
  const cluster = {
    settings: { name: 'alpha', allowedGpuTypes: ['a100'], gpuRequest: 'gres' },
    inventory: async () => ({ value: { nodes } }),
  };
  return { cluster: cluster as never, looks: () => looks };
}

const component = (extraOptions: readonly string[]): ComponentRequest => ({
  partition: 'cpu',
  resources: NO_RESOURCES,
  extraOptions,
});

describe('the allowed GPU types', () => {
  it('are compared with one component at a time, and others have their turn', async () => {
    const { cluster } = aCluster();
    const components = Array.from({ length: 100 }, () => component(['--exclusive']));
    expect(await turnsDuring(() => gpuTypesNotAllowed(cluster, components))).toBeGreaterThanOrEqual(99);
  });

  it('are looked up once in a node for a component, however many of its options may bring GPUs', async () => {
    const options = Array.from({ length: 100 }, (_, index) => `--tres-per-job${index}=gpu:1`);
    for (const extraOptions of [options.slice(0, 1), options]) {
      const { cluster, looks } = aCluster();
      expect(await gpuTypesNotAllowed(cluster, [component(extraOptions)])).toEqual([]);
      expect(looks()).toBe(NODES);
    }
  });

  it('refuse a file of nodes, which a job of an earlier release may ask for again', async () => {
    const { cluster } = aCluster();
    const faults = await gpuTypesNotAllowed(cluster, [component(['--nodefile=nodes'])]);
    expect(faults).toEqual([expect.objectContaining({ message: expect.stringContaining('names nodes in a file') })]);
  });
});
