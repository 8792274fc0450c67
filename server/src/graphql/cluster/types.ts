import { type ClusterView, viewOf } from '../../clusters/index.ts';
import { type PartitionSummary, summarizePartitions, unaskedPartition } from '../../domain/availability.ts';
import type { CLUSTER_STATUSES } from '../../domain/cluster.ts';
import {
  type ClusterNode,
  type GpuPool,
  type Inventory,
  type NODE_OBSTACLES,
  type ResourceCount,
  sumPools,
} from '../../domain/inventory.ts';
import { builder, ID_DESCRIPTION } from '../builder.ts';
import { fault } from '../errors.ts';
import { LoginPromptRef } from './login-prompt.ts';

const ClusterStatus = builder.enumType('ClusterStatus', {
  description: 'How a cluster can be reached.',
  values: {
    CONNECTING: { description: 'The connection is being made, or Slurm is being looked for.' },
    ONLINE: { description: 'Slurm answers.' },
    DEGRADED: { description: 'The login works and Slurm does not answer.' },
    UNREACHABLE: { description: 'There is no SSH connection; the next attempt comes by itself.' },
    AUTH_REQUIRED: {
      description:
        'A person has to act: the login asks for something (`loginPrompt`), or the login or the host key was refused. ' +
        'Nothing is tried meanwhile.',
    },
    IDLE: { description: 'Not connected, and not meant to be.' },
  } satisfies Record<(typeof CLUSTER_STATUSES)[number], { description: string }>,
});

const ResourceCountRef = builder.objectRef<ResourceCount>('ResourceCount').implement({
  description: 'How much there is of something. total = allocated + idle + unavailable.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'All of it, as scontrol says.' }),
    allocated: t.exposeInt('allocated', { description: 'Given to jobs.' }),
    idle: t.exposeInt('idle', { description: 'Free, on nodes that take jobs.' }),
    unavailable: t.exposeInt('unavailable', {
      description: 'Free, on nodes that take no jobs now; and what is set aside for the system.',
    }),
  }),
});

const MemoryCountRef = builder.objectRef<ResourceCount>('MemoryCount').implement({
  description: 'Memory in MB, as Slurm counts it (2^20 bytes). total = allocated + idle + unavailable.',
  fields: (t) => ({
    total: t.expose('total', { type: 'SafeInt', description: 'All of it, as it is configured.' }),
    allocated: t.expose('allocated', {
      type: 'SafeInt',
      description: 'Given to jobs, whether they use it or not. 0 on clusters whose Slurm does not give out memory.',
    }),
    idle: t.expose('idle', { type: 'SafeInt', description: 'Not given out, on nodes that take jobs.' }),
    unavailable: t.expose('unavailable', {
      type: 'SafeInt',
      description: 'Not given out, on nodes that take no jobs now; and what is set aside for the system.',
    }),
  }),
});

const GpuPoolRef = builder.objectRef<GpuPool>('GpuPool').implement({
  description:
    'GPUs of one type, or slices of such GPUs where the field says so. total = allocated + idle + unavailable, ' +
    'each as scontrol says.',
  fields: (t) => ({
    gpuType: t.exposeString('gpuType', { description: 'As Slurm names it; empty for GPUs without a type.' }),
    total: t.exposeInt('total', { description: 'All of them.' }),
    allocated: t.exposeInt('allocated', { description: 'Given to jobs.' }),
    idle: t.exposeInt('idle', {
      description:
        'Not given to jobs, on nodes whose state lets them take jobs. Not all of them can be had: `obtainable`.',
    }),
    unavailable: t.exposeInt('unavailable', {
      description: 'Not given to jobs, on nodes that take no jobs now: drained, down, reserved.',
    }),
    obtainable: t.exposeInt('obtainable', {
      description:
        'Of the idle ones, those that a job could get now: their node has a partition that is up, a free CPU and ' +
        'free memory, and of GPUs no slice of them is in use (of slices: their GPU is not given whole). Nodes that are ' +
        'planned for another job or powered down count; `ClusterNode` tells them apart.',
    }),
  }),
});

const NodeObstacle = builder.enumType('NodeObstacle', {
  description: "What keeps a node's idle GPUs from a job that comes now.",
  values: {
    STATE: { description: 'Its state lets it take no jobs; `reason` says why.' },
    PARTITIONS: { description: 'None of its partitions is up.' },
    CPUS: { description: 'All of its CPUs are given to jobs.' },
    MEMORY: { description: 'All of its memory is given to jobs.' },
  } satisfies Record<(typeof NODE_OBSTACLES)[number], { description: string }>,
});

const ClusterNodeRef = builder.objectRef<ClusterNode>('ClusterNode').implement({
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

const PartitionRef = builder.objectRef<PartitionSummary>('Partition').implement({
  description: 'A partition of a cluster, and what its nodes hold together.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'As Slurm names it.' }),
    isDefault: t.exposeBoolean('isDefault', { description: 'Jobs that name no partition go here.' }),
    state: t.exposeString('state', {
      nullable: true,
      description: 'UP, DOWN, DRAIN or INACTIVE. Null: only the configuration was read.',
    }),
    timeLimitSeconds: t.expose('timeLimitSeconds', {
      type: 'SafeInt',
      nullable: true,
      description: 'The longest a job may run here. Null: unlimited, or not known.',
    }),
    nodeCount: t.exposeInt('nodeCount', { nullable: true, description: 'Null: only the configuration was read.' }),
    cpus: t.expose('cpus', {
      type: ResourceCountRef,
      nullable: true,
      description: 'CPUs of its nodes. Null: only the configuration was read.',
    }),
    memoryMb: t.expose('memoryMb', {
      type: MemoryCountRef,
      nullable: true,
      description: 'Memory of its nodes, in MB. Null: only the configuration was read.',
    }),
    gpus: t.field({
      type: [GpuPoolRef],
      nullable: true,
      description:
        'GPUs of its nodes, by type; none of them is obtainable while the partition is not up. ' +
        'Null: only the configuration was read.',
      resolve: ({ gpus }) => (gpus === null ? null : [...gpus]),
    }),
  }),
});

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

interface GpuAvailability {
  readonly cluster: ClusterView;
  readonly inventory: Inventory;
  readonly isStale: boolean;
}

export const GpuAvailabilityRef = builder.objectRef<GpuAvailability>('GpuAvailability');

export const ClusterRef = builder.objectRef<ClusterView>('Cluster');
builder.node(ClusterRef, {
  description: 'A Slurm cluster that is reached over SSH.',
  id: { resolve: ({ name }) => name, description: ID_DESCRIPTION },
  loadManyWithoutCache: (names, { clusters }) =>
    names.map((name) => {
      const cluster = clusters.get(name);
      return cluster === null ? null : viewOf(cluster);
    }),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'live' in value,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its key in clusters.yaml.' }),
    host: t.exposeString('host', { description: 'The login node, as clusters.yaml names it.' }),
    isConfigured: t.boolean({
      description: 'It is in clusters.yaml. False: it was removed, and only its history is left.',
      resolve: ({ live }) => live !== null,
    }),
    status: t.field({
      type: ClusterStatus,
      description: 'Whether it can be asked.',
      resolve: ({ health }) => health.status,
    }),
    statusMessage: t.string({
      nullable: true,
      description: 'What is wrong and what to do about it. Null: nothing is.',
      resolve: ({ health }) => health.message,
    }),
    loginPrompt: t.field({
      type: LoginPromptRef,
      nullable: true,
      description: 'What its login asks of a person. Null: nothing waits for an answer, or you are no administrator.',
      resolve: ({ live }, _args, { viewer }) => (viewer.role === 'ADMIN' ? (live?.loginPrompt ?? null) : null),
    }),
    loginAsksPerson: t.boolean({
      description:
        'Its login asks for a password or a code. Once the connection is lost, it is AUTH_REQUIRED until an ' +
        'administrator logs in again: `connectCluster`, then `answerLogin`.',
      resolve: ({ live }) => live?.loginAsksPerson ?? false,
    }),
    lastPolledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the jobs on it were last seen as a whole. Null: never. It is not asked while no job is active.',
      resolve: ({ health }) => health.lastPolledAt,
    }),
    slurmVersion: t.string({
      nullable: true,
      description: 'Null: it has never been reached.',
      resolve: ({ health }) => health.slurmVersion,
    }),
    partitions: t.field({
      type: [PartitionRef],
      nullable: true,
      description: 'As `Query.partitions`.',
      resolve: (cluster) => partitionsOf(cluster),
    }),
    gpuAvailability: t.field({
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
    nodes: t.field({
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
    activeJobCount: t.int({
      description: 'Jobs that were submitted here and are not over; an array counts once.',
      resolve: ({ name }, _args, { loaders }) => loaders.activeJobCount.load(name),
    }),
  }),
});

GpuAvailabilityRef.implement({
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
      resolve: ({ inventory }) => sumPools(inventory.nodes.flatMap(({ gpus }) => gpus)),
    }),
    shards: t.field({
      type: [GpuPoolRef],
      description:
        'Slices of these GPUs that jobs can have instead (gres/shard), by GPU type. Not to be added to them.',
      resolve: ({ inventory }) => sumPools(inventory.nodes.flatMap(({ shards }) => shards)),
    }),
    mps: t.field({
      type: [GpuPoolRef],
      description: 'Shares of these GPUs that jobs can have instead (gres/mps), by GPU type. Not to be added to them.',
      resolve: ({ inventory }) => sumPools(inventory.nodes.flatMap(({ mps }) => mps)),
    }),
    nodes: t.field({
      type: [NodeGpusRef],
      description: 'Every node that has GPUs.',
      resolve: ({ inventory }) => inventory.nodes.filter(({ gpus }) => gpus.length > 0),
    }),
  }),
});

export { PartitionRef };

/** Throws a fault when nothing is known and the cluster can't be asked. */
export async function partitionsOf({ live, name }: ClusterView): Promise<PartitionSummary[]> {
  if (live === null) throw fault('CLUSTER_UNAVAILABLE', `${name} is no longer in clusters.yaml`);
  const { allowedPartitions, gpuCacheSeconds } = live.settings;
  if (allowedPartitions === undefined) {
    const { value } = await asked(name, live.inventory(gpuCacheSeconds * 1000));
    return summarizePartitions(value);
  }
  // The configuration answers by itself; what happens to be known is added, and nothing is asked.
  const known = live.knownInventory;
  return known === null ? allowedPartitions.map(unaskedPartition) : summarizePartitions(known, allowedPartitions);
}

/** Throws a fault when nothing is known and the cluster can't be asked. */
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
