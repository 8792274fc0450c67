import type { PartitionSummary } from '../../domain/inventory.ts';
import { builder } from '../builder.ts';
import { GpuPoolRef, MemoryCountRef, ResourceCountRef } from './counts.ts';
import { partitionsOf } from './inventory.ts';
import { ClusterRef } from './types.ts';

export const PartitionRef = builder.objectRef<PartitionSummary>('Partition').implement({
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

builder.objectField(ClusterRef, 'partitions', (t) =>
  t.field({
    type: [PartitionRef],
    nullable: true,
    description: 'As `Query.partitions`.',
    resolve: (cluster) => partitionsOf(cluster),
  }),
);
