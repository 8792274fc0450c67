import type { ClusterNode } from '../../domain/inventory.ts';
import { builder } from '../builder.ts';
import { GpuPoolRef } from './counts.ts';
import { availabilityOf, type GpuAvailability } from './inventory.ts';
import { ClusterNodeRef } from './nodes.ts';
import { ClusterRef } from './types.ts';

const NodeGpusRef = builder.objectRef<ClusterNode>('NodeGpus').implement({
  description: 'The GPUs of one node.',
  fields: (t) => ({
    node: t.exposeString('name', { description: "Slurm's name of the node." }),
    state: t.string({
      description: 'Slurm\'s own words, joined by "+".',
      resolve: ({ stateWords }) => stateWords.join('+'),
    }),
    reason: t.exposeString('reason', { nullable: true, description: 'As `ClusterNode.reason`.' }),
    partitions: t.field({
      type: ['String'],
      description: 'The partitions it belongs to.',
      resolve: ({ partitions }) => [...partitions],
    }),
    pools: t.field({
      type: [GpuPoolRef],
      description: 'Its GPUs, by type.',
      resolve: ({ gpus }) => [...gpus],
    }),
    clusterNode: t.field({
      type: ClusterNodeRef,
      description: 'The node with all it holds: CPUs, memory, slices of its GPUs.',
      resolve: (node) => node,
    }),
  }),
});

export const GpuAvailabilityRef = builder.objectRef<GpuAvailability>('GpuAvailability').implement({
  description: 'Where GPUs are free on a cluster. One question to Slurm is shared by all who ask.',
  fields: (t) => ({
    cluster: t.expose('cluster', { type: ClusterRef, description: 'The cluster.' }),
    fetchedAt: t.field({
      type: 'DateTime',
      description: 'When Slurm was asked.',
      resolve: ({ inventory }) => inventory.fetchedAt,
    }),
    ageSeconds: t.int({
      description: 'Whole seconds since then.',
      resolve: ({ inventory }) => Math.max(0, Math.floor((Date.now() - inventory.fetchedAt.getTime()) / 1000)),
    }),
    isStale: t.exposeBoolean('isStale', {
      description: 'Older than was asked for: a refresh failed, or is under way.',
    }),
    pools: t.field({
      type: [GpuPoolRef],
      description: 'By GPU type; each node is counted once, however many partitions it is in.',
      resolve: ({ inventory }) => [...inventory.pools.gpus],
    }),
    shards: t.field({
      type: [GpuPoolRef],
      description:
        'Slices of these GPUs that jobs can have instead (gres/shard), by GPU type. Not to be added to them.',
      resolve: ({ inventory }) => [...inventory.pools.shards],
    }),
    mps: t.field({
      type: [GpuPoolRef],
      description: 'Shares of these GPUs that jobs can have instead (gres/mps), by GPU type. Not to be added to them.',
      resolve: ({ inventory }) => [...inventory.pools.mps],
    }),
    nodes: t.field({
      type: [NodeGpusRef],
      description: 'Every node that has GPUs.',
      resolve: ({ inventory }) => inventory.nodes.filter(({ gpus }) => gpus.length > 0),
    }),
  }),
});

builder.objectField(ClusterRef, 'gpuAvailability', (t) =>
  t.field({
    type: GpuAvailabilityRef,
    nullable: true,
    description: 'As `Query.gpuAvailability`.',
    args: {
      maxAgeSeconds: t.arg.int({
        description: "How old the answer may be. Default: the cluster's gpu_cache_seconds.",
      }),
    },
    resolve: (cluster, { maxAgeSeconds }) => availabilityOf(cluster, maxAgeSeconds ?? null),
  }),
);
