import type { JobComponent } from '../../domain/component.ts';
import type { Job } from '../../domain/job.ts';
import type { JobResources } from '../../domain/resources.ts';
import type { Submission } from '../../domain/submission.ts';
import { builder } from '../builder.ts';
import { JobStateRef } from './state.ts';

export const JobResourcesRef = builder.objectRef<JobResources>('JobResources').implement({
  description: "What was asked for. Null: not asked for, so the cluster's default holds.",
  fields: (t) => ({
    nodes: t.exposeInt('nodes', { nullable: true, description: 'Number of nodes; with `maxNodes`, the fewest.' }),
    maxNodes: t.exposeInt('maxNodes', {
      nullable: true,
      description: 'The most nodes, of a range. Null: as many as `nodes`.',
    }),
    tasks: t.exposeInt('tasks', { nullable: true, description: 'Number of tasks (processes that srun starts).' }),
    cpusPerTask: t.exposeInt('cpusPerTask', { nullable: true, description: 'CPUs for each task.' }),
    memoryMb: t.expose('memoryMb', {
      type: 'SafeInt',
      nullable: true,
      description: 'MiB on each node; 0: all it has.',
    }),
    gpus: t.exposeInt('gpus', { nullable: true, description: 'GPUs on each node.' }),
    gpusTotal: t.exposeInt('gpusTotal', { nullable: true, description: 'GPUs in all, where not those of a node.' }),
    gpusPerTask: t.exposeInt('gpusPerTask', { nullable: true, description: 'GPUs for each task, likewise.' }),
    gpuType: t.exposeString('gpuType', { nullable: true, description: 'As Slurm names it. Null: any.' }),
    timeLimitMinutes: t.exposeInt('timeLimitMinutes', { nullable: true, description: 'The longest it may run.' }),
    account: t.exposeString('account', { nullable: true, description: "Slurm's account to charge." }),
    qos: t.exposeString('qos', { nullable: true, description: "Slurm's quality of service." }),
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
      description: 'As Slurm writes it, "1234+1". Null: sbatch has not answered.',
    }),
    partition: t.exposeString('partition', { nullable: true, description: 'As `Job.partition`.' }),
    resources: t.expose('resources', {
      type: JobResourcesRef,
      description: "What was asked for; time limit, account and quality of service are the whole job's.",
    }),
    extraOptions: t.stringList({
      description: 'Further sbatch options that stand with this component.',
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
