import { type ClusterView, viewOf } from '../../clusters/index.ts';
import {
  type PartitionSummary,
  type ResourceCount,
  summarizePartitions,
  unaskedPartition,
} from '../../domain/availability.ts';
import type { CLUSTER_STATUSES } from '../../domain/cluster.ts';
import { type ClusterNode, type GpuPool, type Inventory, sumPools } from '../../domain/inventory.ts';
import { builder } from '../builder.ts';
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
    total: t.exposeInt('total', { description: 'All of it.' }),
    allocated: t.exposeInt('allocated', { description: 'Given to jobs.' }),
    idle: t.exposeInt('idle', { description: 'Free, on nodes that take jobs.' }),
    unavailable: t.exposeInt('unavailable', { description: 'Free, on nodes that take no jobs now.' }),
  }),
});

const GpuPoolRef = builder.objectRef<GpuPool>('GpuPool').implement({
  description: 'GPUs of one type. total = allocated + idle + unavailable.',
  fields: (t) => ({
    gpuType: t.exposeString('gpuType', { description: 'As Slurm names it; empty for GPUs without a type.' }),
    total: t.exposeInt('total', { description: 'All of them.' }),
    allocated: t.exposeInt('allocated', { description: 'Given to jobs.' }),
    idle: t.exposeInt('idle', { description: 'Free, on nodes that take jobs.' }),
    unavailable: t.exposeInt('unavailable', {
      description: 'Free, on nodes that take no jobs now: drained, down, reserved.',
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
    gpus: t.field({
      type: [GpuPoolRef],
      nullable: true,
      description: 'GPUs of its nodes, by type. Null: only the configuration was read.',
      resolve: ({ gpus }) => (gpus === null ? null : [...gpus]),
    }),
  }),
});

const NodeGpusRef = builder.objectRef<ClusterNode>('NodeGpus').implement({
  description: 'The GPUs of one node.',
  fields: (t) => ({
    node: t.exposeString('name', { description: "Slurm's name of the node." }),
    state: t.exposeString('state', { description: 'Slurm\'s own words, joined by "+".' }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why it takes no jobs. Null: no reason is given.',
    }),
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
  id: { resolve: ({ name }) => name },
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
      args: { maxAgeSeconds: t.arg.int() },
      resolve: (cluster, { maxAgeSeconds }) => availabilityOf(cluster, maxAgeSeconds ?? null),
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
      resolve: ({ inventory }) => Math.floor((Date.now() - inventory.fetchedAt.getTime()) / 1000),
    }),
    isStale: t.exposeBoolean('isStale', {
      description: 'Older than was asked for: a refresh failed, or is under way.',
    }),
    pools: t.field({
      type: [GpuPoolRef],
      description: 'By GPU type; each node is counted once, however many partitions it is in.',
      resolve: ({ inventory }) => sumPools(inventory.nodes.flatMap(({ gpus }) => gpus)),
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
