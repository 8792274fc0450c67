import type { GpuPool, ResourceCount } from '../../domain/inventory.ts';
import { builder } from '../builder.ts';

export const ResourceCountRef = builder.objectRef<ResourceCount>('ResourceCount').implement({
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

export const MemoryCountRef = builder.objectRef<ResourceCount>('MemoryCount').implement({
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

export const GpuPoolRef = builder.objectRef<GpuPool>('GpuPool').implement({
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
