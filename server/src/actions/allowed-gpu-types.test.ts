import { describe, expect, it } from 'vitest';
import type { ComponentRequest } from '../domain/component.ts';
import { NO_RESOURCES } from '../domain/testing.ts';
import { turnsDuring } from '../store/testing.ts';
import { gpuTypesNotAllowed } from './allowed-gpu-types.ts';

const NODES = 500;

function clusterOf(nodes: readonly unknown[]) {
  const cluster = {
    settings: { name: 'alpha', allowedGpuTypes: ['a100'], gpuRequest: 'gres' },
    inventory: async () => ({ value: { nodes } }),
  };
  return cluster as never;
}

/** A cluster whose nodes may be had, but for their GPUs; it counts how often one is looked at. */
function aCluster(length = NODES, features: readonly string[] = [], types: readonly string[] = ['h100']) {
  const looks = { partitions: 0, features: 0 };
  const nodes = Array.from({ length }, (_, index) => ({
    ...{ name: `n${index}`, gpus: types.map((gpuType) => ({ gpuType, total: 1 })) },
    get features() {
      looks.features += 1;
      return features;
    },
    get partitions() {
      looks.partitions += 1;
      return ['gpu'];
    },
  }));
  return { cluster: clusterOf(nodes), looks };
}

const component = (extraOptions: readonly string[], partition = 'cpu'): ComponentRequest => ({
  partition,
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
      expect(looks.partitions).toBe(NODES);
    }
  });

  it('are compared with many nodes in turns of the event loop', async () => {
    const { cluster } = aCluster(5000);
    expect(await turnsDuring(() => gpuTypesNotAllowed(cluster, [component(['--exclusive'])]))).toBeGreaterThanOrEqual(
      90,
    );
  });

  it('are compared with the nodes of a feature once, however many components name it', async () => {
    const counts: number[] = [];
    for (const length of [1, 100]) {
      const { cluster, looks } = aCluster(NODES, ['fast']);
      const components = Array.from({ length }, () => component(['--constraint=fast']));
      expect(await gpuTypesNotAllowed(cluster, components)).toHaveLength(length);
      counts.push(looks.features);
    }
    expect(counts[1]).toBe(counts[0]);
  });

  it('take a look at each feature of a node, however many a constraint names', async () => {
    let looks = 0;
    const names = Array.from({ length: 1000 }, (_, index) => `f${index}`);
    const features = new Proxy(names, {
      get: (target, key) => {
        looks += 1;
        return Reflect.get(target, key);
      },
    });
    const node = { name: 'n1', gpus: [{ gpuType: 'h100' }], partitions: ['cpu'], features };
    const demanding = component(['--exclusive', `--constraint=${names.join('&')}`]);
    const faults = await gpuTypesNotAllowed(clusterOf([node]), [demanding]);
    expect(faults.map(({ message }) => message.slice(0, 40))).toEqual([
      '--exclusive could allocate GPUs that are',
      '--constraint names f0, a feature that on',
    ]);
    expect(looks).toBeLessThan(10 * names.length);
  });

  it('name a few of many other types, and of many nodes', async () => {
    const types = Array.from({ length: 60 }, (_, index) => `h${index}`);
    const { cluster } = aCluster(NODES, [], types);
    const [fault] = await gpuTypesNotAllowed(cluster, [component(['--exclusive'], 'gpu')]);
    expect(fault?.message).toContain(
      "aren't allowed on alpha (h0 and h1 and h2 and h3 and h4 and h5 and h6 and h7 and others, of n0, n1, n2 and others)",
    );
  });

  it('refuse a file of nodes, which a job of an earlier release may ask for again', async () => {
    const { cluster } = aCluster();
    const faults = await gpuTypesNotAllowed(cluster, [component(['--nodefile=nodes'])]);
    expect(faults).toEqual([expect.objectContaining({ message: expect.stringContaining('names nodes in a file') })]);
  });
});
