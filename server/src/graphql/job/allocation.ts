import type { AllocatedGpus } from '../../domain/allocation.ts';
import type { Job } from '../../domain/job.ts';
import { nodeNames } from '../../domain/node-list.ts';
import { builder } from '../builder.ts';

const AllocatedGpusRef = builder.objectRef<AllocatedGpus>('AllocatedGpus').implement({
  description: 'GPUs of one type that were allocated to a job.',
  fields: (t) => ({
    gpuType: t.exposeString('gpuType', {
      description: "Slurm's name of the type. Empty: Slurm reports only the number, and no type was requested.",
    }),
    count: t.exposeInt('count', { description: 'On all nodes together; never 0.' }),
  }),
});

export const JobAllocationRef = builder.objectRef<Job>('JobAllocation').implement({
  description: 'The resources that Slurm allocated to a job. They may differ from the request.',
  fields: (t) => ({
    cpus: t.int({
      nullable: true,
      description: 'On all nodes together. Null: Slurm does not report it.',
      resolve: ({ allocated }) => allocated?.cpus ?? null,
    }),
    memoryMb: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'MiB on all nodes together. Null: Slurm does not report it.',
      resolve: ({ allocated }) => allocated?.memoryMb ?? null,
    }),
    gpus: t.field({
      type: [AllocatedGpusRef],
      nullable: true,
      description: 'By type; empty: none. Null: the cluster does not count GPUs (slurm.conf, AccountingStorageTRES).',
      resolve: ({ allocated, resources, components }) => {
        // Slurm allocates no other type than the requested one.
        const asked = components.length === 0 ? (resources.gpuType ?? '') : '';
        return allocated?.gpus?.map(({ gpuType, count }) => ({ gpuType: gpuType || asked, count })) ?? null;
      },
    }),
    nodes: t.stringList({
      description: 'The name of each node. A list that cannot be read is one entry.',
      // A few characters may stand for thousands of nodes.
      resolve: ({ nodeList }, _args, { work }) =>
        nodeList === null ? [] : work.read(async () => [...nodeNames(nodeList)]),
    }),
    timeLimitMinutes: t.int({
      nullable: true,
      description: 'The time limit in force. Null: there is none.',
      resolve: ({ allocated }) => {
        const seconds = allocated?.timeLimitSeconds ?? null;
        return seconds === null ? null : Math.ceil(seconds / 60);
      },
    }),
  }),
});
