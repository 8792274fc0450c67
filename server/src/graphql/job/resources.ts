import type { JobComponent } from '../../domain/component.ts';
import type { Job } from '../../domain/job.ts';
import type { JobResources } from '../../domain/resources.ts';
import type { Submission } from '../../domain/submission.ts';
import { builder } from '../builder.ts';
import { JobStateRef } from './state.ts';

export const JobResourcesRef = builder.objectRef<JobResources>('JobResources').implement({
  description: "The requested resources. Null: not requested, so the cluster's default applies.",
  fields: (t) => ({
    nodes: t.exposeInt('nodes', { nullable: true, description: 'Number of nodes; with `maxNodes`, the minimum.' }),
    maxNodes: t.exposeInt('maxNodes', {
      nullable: true,
      description: 'The maximum of a range of nodes. Null: exactly `nodes`.',
    }),
    tasks: t.exposeInt('tasks', { nullable: true, description: 'Number of tasks (processes that srun starts).' }),
    cpusPerTask: t.exposeInt('cpusPerTask', { nullable: true, description: 'CPUs per task.' }),
    memoryMb: t.expose('memoryMb', {
      type: 'SafeInt',
      nullable: true,
      description: 'MiB per node; 0 means all memory of the node.',
    }),
    gpus: t.exposeInt('gpus', { nullable: true, description: 'GPUs per node.' }),
    gpusTotal: t.exposeInt('gpusTotal', { nullable: true, description: 'GPUs in total, if not requested per node.' }),
    gpusPerTask: t.exposeInt('gpusPerTask', {
      nullable: true,
      description: 'GPUs per task, if not requested per node.',
    }),
    gpuType: t.exposeString('gpuType', { nullable: true, description: "Slurm's name of the type. Null: any." }),
    timeLimitMinutes: t.exposeInt('timeLimitMinutes', { nullable: true, description: 'The time limit.' }),
    account: t.exposeString('account', { nullable: true, description: 'The Slurm account to charge.' }),
    qos: t.exposeString('qos', { nullable: true, description: 'The Slurm quality of service.' }),
    array: t.exposeString('array', { nullable: true, description: 'Task indexes of an array, "0-9%2".' }),
  }),
});

interface ShownComponent extends Pick<JobComponent, 'state' | 'word' | 'nodeList' | 'partition'> {
  readonly slurmJobId: string | null;
  readonly resources: JobResources;
  readonly extraOptions: readonly string[];
}

export const JobComponentRef = builder.objectRef<ShownComponent>('JobComponent').implement({
  description: 'One component of a heterogeneous job.',
  fields: (t) => ({
    slurmJobId: t.exposeString('slurmJobId', {
      nullable: true,
      description: 'As Slurm writes it, "1234+1". Null: sbatch has not answered yet.',
    }),
    partition: t.exposeString('partition', { nullable: true, description: 'As `Job.partition`.' }),
    resources: t.expose('resources', {
      type: JobResourcesRef,
      description: 'The requested resources. Time limit, account and quality of service belong to the whole job.',
    }),
    extraOptions: t.stringList({
      description: 'Further sbatch options of this component.',
      resolve: ({ extraOptions }) => [...extraOptions],
    }),
    state: t.expose('state', {
      type: JobStateRef,
      nullable: true,
      description: 'As last seen. Null: not known.',
    }),
    word: t.exposeString('word', { nullable: true, description: "Slurm's own word for the state. Null: not known." }),
    nodeList: t.exposeString('nodeList', { nullable: true, description: 'As `Job.nodeList`.' }),
  }),
});

export function shownComponents(job: Job, submission: Submission | null): ShownComponent[] {
  return job.components.map(({ offset, state, word, nodeList, partition }) => {
    const asked = offset === 0 ? submission : submission?.components[offset - 1];
    const own = offset === 0 ? {} : submission?.components[offset - 1]?.resources;
    return {
      slurmJobId: job.slurmJobId === null ? null : `${job.slurmJobId}+${offset}`,
      ...{ state, word, nodeList },
      partition: partition ?? (offset === 0 ? job.partition : (asked?.partition ?? null)),
      resources: { ...job.resources, ...own },
      extraOptions: asked?.extraOptions ?? [],
    };
  });
}
