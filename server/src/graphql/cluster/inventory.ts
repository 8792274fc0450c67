import type { ClusterView } from '../../clusters/index.ts';
import { type Inventory, type PartitionSummary, unaskedPartition } from '../../domain/inventory.ts';
import { fault } from '../faults.ts';

export interface GpuAvailability {
  readonly cluster: ClusterView;
  readonly inventory: Inventory;
  readonly isStale: boolean;
}

/** Throws if nothing is known and the cluster can't be reached. */
export async function partitionsOf({ live, name }: ClusterView): Promise<PartitionSummary[]> {
  if (live === null) throw fault('CLUSTER_UNAVAILABLE', `${name} is no longer in clusters.yaml`);
  const { allowedPartitions, gpuCacheSeconds } = live.settings;
  if (allowedPartitions === undefined) {
    const { value } = await asked(name, live.inventory(gpuCacheSeconds * 1000));
    return [...value.partitions.values()];
  }
  // Answered from the configuration and what is cached; the cluster is not asked.
  const known = live.knownInventory?.partitions;
  return allowedPartitions.map((allowed) => known?.get(allowed) ?? unaskedPartition(allowed));
}

/** Throws if nothing is known and the cluster can't be reached. */
export async function availabilityOf(cluster: ClusterView, maxAgeSeconds: number | null): Promise<GpuAvailability> {
  const { live, name } = cluster;
  if (live === null) throw fault('CLUSTER_UNAVAILABLE', `${name} is no longer in clusters.yaml`);
  if (maxAgeSeconds !== null && maxAgeSeconds < 0) throw fault('BAD_USER_INPUT', 'maxAgeSeconds: write 0 or more');
  const { value, isStale } = await asked(name, live.inventory((maxAgeSeconds ?? live.settings.gpuCacheSeconds) * 1000));
  return { cluster, inventory: value, isStale };
}

async function asked<T>(name: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw fault('CLUSTER_UNAVAILABLE', `${name} can't be asked: ${cause instanceof Error ? cause.message : cause}`);
  }
}
