import { type Accessor, createEffect, createSignal, on } from 'solid-js';
import { useApi } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import { type ClusterNode, type GpuAvailability, inventoryQuery, type Partition } from './operations.ts';

/** A refresh takes what is this young already, so that many who click at once ask the cluster once. */
const REFRESH_MAX_AGE_SECONDS = 5;

export interface Inventory {
  readonly partitions: Accessor<readonly Partition[] | null | undefined>;
  readonly gpus: Accessor<GpuAvailability | null | undefined>;
  readonly nodes: Accessor<readonly ClusterNode[] | null | undefined>;
  /** What could not be asked, null when all could. */
  readonly fault: Accessor<string | null>;
  readonly isLoading: Accessor<boolean>;
  refresh(): void;
}

/** Partitions, GPUs and nodes of one cluster: asked when it is shown, when it comes online, and on `refresh`. */
export function createInventory(name: string, status: Accessor<string>): Inventory {
  const { client } = useApi();
  const [partitions, setPartitions] = createSignal<readonly Partition[] | null>();
  const [gpus, setGpus] = createSignal<GpuAvailability | null>();
  const [nodes, setNodes] = createSignal<readonly ClusterNode[] | null>();
  const [fault, setFault] = createSignal<string | null>(null);
  const [isLoading, setIsLoading] = createSignal(false);

  async function load(maxAgeSeconds: number | null): Promise<void> {
    setIsLoading(true);
    const { data, error } = await client
      .query(inventoryQuery, { name, maxAgeSeconds }, { requestPolicy: 'network-only' })
      .toPromise();
    setIsLoading(false);
    setFault(error === undefined ? null : describeError(error));
    // A part that failed this time leaves what was known of it, with its age.
    setPartitions((known) => data?.cluster?.partitions ?? known ?? null);
    setGpus((known) => data?.cluster?.gpuAvailability ?? known ?? null);
    setNodes((known) => data?.cluster?.nodes ?? known ?? null);
  }

  createEffect(
    on(status, (now, before) => {
      if (before === undefined || now === 'ONLINE') void load(null);
    }),
  );
  return { partitions, gpus, nodes, fault, isLoading, refresh: () => void load(REFRESH_MAX_AGE_SECONDS) };
}
