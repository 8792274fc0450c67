import { type Clusters, type ClusterView, viewOf } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { fault } from '../faults.ts';
import { GpuAvailabilityRef } from './gpu-availability.ts';
import { availabilityOf, partitionsOf } from './inventory.ts';
import { PartitionRef } from './partitions.ts';
import { ClusterRef } from './types.ts';

builder.queryField('clusters', (t) =>
  t.field({
    type: [ClusterRef],
    description: 'Every cluster in clusters.yaml, in the order of that file.',
    resolve: (_root, _args, { clusters }) => clusters.all().map(viewOf),
  }),
);

builder.queryField('cluster', (t) =>
  t.field({
    type: ClusterRef,
    nullable: true,
    description: 'The cluster with this name. Null: there is none in clusters.yaml.',
    args: { name: t.arg.string({ required: true, description: 'Its key in clusters.yaml.' }) },
    resolve: (_root, { name }, { clusters }) => {
      const cluster = clusters.get(name);
      return cluster === null ? null : viewOf(cluster);
    },
  }),
);

builder.queryField('partitions', (t) =>
  t.field({
    type: [PartitionRef],
    nullable: true,
    description:
      'The partitions of a cluster. If clusters.yaml lists the allowed ones, those, without asking the cluster. ' +
      'Null with an error: the cluster cannot be asked, and there is no earlier answer.',
    args: { cluster: t.arg.string({ required: true, description: "The cluster's name." }) },
    resolve: (_root, { cluster }, { clusters }) => partitionsOf(existing(clusters, cluster)),
  }),
);

builder.queryField('gpuAvailability', (t) =>
  t.field({
    type: GpuAvailabilityRef,
    nullable: true,
    description:
      'Where GPUs are free on a cluster. Null with an error: the cluster cannot be asked, and there is no earlier answer.',
    args: {
      cluster: t.arg.string({ required: true, description: "The cluster's name." }),
      maxAgeSeconds: t.arg.int({ description: "How old the answer may be. Default: the cluster's gpu_cache_seconds." }),
    },
    resolve: (_root, { cluster, maxAgeSeconds }, { clusters }) =>
      availabilityOf(existing(clusters, cluster), maxAgeSeconds ?? null),
  }),
);

function existing(clusters: Clusters, name: string): ClusterView {
  const cluster = clusters.get(name);
  if (cluster !== null) return viewOf(cluster);
  const names = clusters.all().map(({ settings }) => settings.name);
  throw fault('NOT_FOUND', `There is no cluster ${JSON.stringify(name)}: ${names.join(', ') || 'none is configured'}`);
}
