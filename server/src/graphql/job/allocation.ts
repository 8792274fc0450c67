import type { AllocatedGpus } from '../../domain/allocation.ts';
import type { Job } from '../../domain/job.ts';
import { nodeNames } from '../../domain/node-list.ts';
import { builder } from '../builder.ts';

const AllocatedGpusRef = builder.objectRef<AllocatedGpus>('AllocatedGpus').implement({
  description: 'GPUs of one type that a job was given.',
  fields: (t) => ({
    gpuType: t.exposeString('gpuType', {
      description: 'As Slurm names it. Empty: Slurm tells only how many there are, and none was asked for by its type.',
    }),
    count: t.exposeInt('count', { description: 'On all nodes together, never 0.' }),
  }),
});

export const JobAllocationRef = builder.objectRef<Job>('JobAllocation').implement({
  description: 'What Slurm gave to a job, which may be other than what was asked for.',
  fields: (t) => ({
    cpus: t.int({
      nullable: true,
      description: 'On all nodes together. Null: Slurm does not tell.',
      resolve: ({ allocated }) => allocated?.cpus ?? null,
    }),
    memoryMb: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'MiB on all nodes together. Null: Slurm does not tell.',
      resolve: ({ allocated }) => allocated?.memoryMb ?? null,
    }),
    gpus: t.field({
      type: [AllocatedGpusRef],
      nullable: true,
      description:
        'By type; empty for none. Null: the cluster does not count GPUs (slurm.conf, AccountingStorageTRES).',
      resolve: ({ allocated, resources, components }) => {
        // Slurm gives no other type than the one it was asked for.
        const asked = components.length === 0 ? (resources.gpuType ?? '') : '';
        return allocated?.gpus?.map(({ gpuType, count }) => ({ gpuType: gpuType || asked, count })) ?? null;
      },
    }),
    nodes: t.stringList({
      description: 'The names of the nodes, each by itself.',
      resolve: ({ nodeList }) => (nodeList === null ? [] : [...nodeNames(nodeList)]),
    }),
    timeLimitMinutes: t.int({
      nullable: true,
      description: 'How long it may run by the limit that is in force. Null: there is none.',
      resolve: ({ allocated }) => {
        const seconds = allocated?.timeLimitSeconds ?? null;
        return seconds === null ? null : Math.ceil(seconds / 60);
      },
    }),
  }),
});
