import type { ClusterNode, NODE_OBSTACLES } from '../../domain/inventory.ts';
import { builder } from '../builder.ts';
import { GpuPoolRef, MemoryCountRef, ResourceCountRef } from './counts.ts';
import { availabilityOf } from './inventory.ts';
import { ClusterRef } from './types.ts';

const NodeObstacle = builder.enumType('NodeObstacle', {
  description: "What keeps a node's idle GPUs from a job that comes now.",
  values: {
    STATE: { description: 'Its state lets it take no jobs; `reason` says why.' },
    PARTITIONS: { description: 'None of its partitions is up.' },
    CPUS: { description: 'All of its CPUs are given to jobs.' },
    MEMORY: { description: 'All of its memory is given to jobs.' },
  } satisfies Record<(typeof NODE_OBSTACLES)[number], { description: string }>,
});

export const ClusterNodeRef = builder.objectRef<ClusterNode>('ClusterNode').implement({
  description: 'One node of a cluster: its state, and what it holds.',
  fields: (t) => ({
    name: t.exposeString('name', { description: "Slurm's name of it." }),
    state: t.string({
      description: 'Its state in Slurm\'s own words, joined by "+".',
      resolve: (node) => node.stateWords.join('+'),
    }),
    stateWords: t.field({
      type: ['String'],
      description:
        'The same, word by word: MIXED, DRAIN, NOT_RESPONDING. What older versions mark by a sign (`idle*`) is a word.',
      resolve: ({ stateWords }) => [...stateWords],
    }),
    isUsable: t.exposeBoolean('isUsable', {
      description: 'Whether its state lets it take jobs: not drained, down, reserved, and the like.',
    }),
    isPlanned: t.exposeBoolean('isPlanned', {
      description: 'Kept for a job that waits: another gets it only if it ends before that one starts.',
    }),
    isPoweredDown: t.exposeBoolean('isPoweredDown', {
      description: 'Off to save power. Usable all the same: a job that gets it waits until it is up.',
    }),
    isPoweringUp: t.exposeBoolean('isPoweringUp', {
      description: 'On its way up. Usable all the same: a job that gets it waits until it is up.',
    }),
    obstacle: t.expose('obstacle', {
      type: NodeObstacle,
      nullable: true,
      description: 'What keeps its idle GPUs from jobs. Null: nothing does.',
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description:
        "Why it takes no jobs, or what an administrator has noted: Slurm's own reason, else what its state means. " +
        'Null: it is usable and nothing is noted.',
    }),
    partitions: t.field({
      type: ['String'],
      description: 'The partitions it belongs to.',
      resolve: ({ partitions }) => [...partitions],
    }),
    cpus: t.expose('cpus', { type: ResourceCountRef, description: 'CPUs, as Slurm counts them: threads or cores.' }),
    memoryMb: t.expose('memoryMb', { type: MemoryCountRef, description: 'Memory, in MB.' }),
    gpus: t.field({
      type: [GpuPoolRef],
      description: 'Its GPUs, by type. Empty: it has none.',
      resolve: ({ gpus }) => [...gpus],
    }),
    allocatedGpuIndexes: t.field({
      type: ['Int'],
      description:
        'Device numbers of the GPUs that are given to jobs. Fewer than are allocated, or none, where Slurm does not ' +
        'know the devices.',
      resolve: ({ allocatedGpuIndexes }) => [...allocatedGpuIndexes],
    }),
    shards: t.field({
      type: [GpuPoolRef],
      description:
        'Slices of its GPUs that jobs can have instead (gres/shard). Not to be added to the GPUs. Slurm 22.05 tells only ' +
        'on how many GPUs slices are in use, and `allocated` is that, unless AccountingStorageTRES lists gres/shard.',
      resolve: ({ shards }) => [...shards],
    }),
    mps: t.field({
      type: [GpuPoolRef],
      description: 'Shares of its GPUs that jobs can have instead (gres/mps). Not to be added to the GPUs.',
      resolve: ({ mps }) => [...mps],
    }),
  }),
});

builder.objectField(ClusterRef, 'nodes', (t) =>
  t.field({
    type: [ClusterNodeRef],
    nullable: true,
    description:
      'Every node, each once, as `scontrol show node` lists them for this login. ' +
      'Null with an error: the cluster cannot be asked, and nothing is known from before.',
    args: {
      maxAgeSeconds: t.arg.int({
        description: "How old the answer may be. Default: the cluster's gpu_cache_seconds.",
      }),
    },
    resolve: async (cluster, { maxAgeSeconds }) => [
      ...(await availabilityOf(cluster, maxAgeSeconds ?? null)).inventory.nodes,
    ],
  }),
);
