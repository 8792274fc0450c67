import type { SubmitJob } from '../../actions/index.ts';
import { builder } from '../builder.ts';
import { localId } from '../ids.ts';
import { SECRET } from '../marks.ts';
import { JobDependencyKind } from './submission.ts';

const JobDependencyInput = builder.inputType('JobDependencyInput', {
  description: 'Another job on the same cluster to wait for.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: 'The other job.' }),
    kind: t.field({
      type: JobDependencyKind,
      required: true,
      defaultValue: 'AFTER_OK',
      description: 'The condition to wait for.',
    }),
  }),
});

const EnvironmentVariableInput = builder.inputType('EnvironmentVariableInput', {
  description: 'An environment variable of the job. Its value appears in no script, log or answer.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'Letters, digits and "_"; each name once. Names that Slurm (SLURM_…, SBATCH_…) or bash sets are refused.',
    }),
    value: t.string({
      ...SECRET,
      required: true,
      description: 'Any text without NUL. It is passed on byte for byte; nothing in it is expanded.',
    }),
  }),
});

const GPU_TYPE =
  "Slurm's name of the type. Default: any. Required if clusters.yaml restricts the types and the job could get a node with other types.";

const JobComponentInput = builder.inputType('JobComponentInput', {
  description:
    "A further component of a heterogeneous job. Omitted fields take the cluster's defaults, not the values of the first component.",
  fields: (t) => ({
    partition: t.string({ description: "Default: the cluster's default partition." }),
    nodes: t.int({ description: 'Number of nodes; with `maxNodes`, the minimum.' }),
    maxNodes: t.int({
      description: 'The maximum number of nodes. Slurm allocates from `nodes` (default 1) up to this many.',
    }),
    tasks: t.int({ description: 'Number of tasks (processes that srun starts).' }),
    cpusPerTask: t.int({ description: 'CPUs per task.' }),
    memoryMb: t.field({
      type: 'SafeInt',
      description:
        'MiB per node; 0 means all memory of the node. Set it for every component, including the first one, or for none: sbatch would pass it on to components without it.',
    }),
    gpus: t.int({ description: 'GPUs per node. Set at most one of `gpus`, `gpusTotal` and `gpusPerTask`.' }),
    gpusTotal: t.int({ description: 'GPUs in total, on any number of nodes.' }),
    gpusPerTask: t.int({ description: 'GPUs per task. Slurm requires the number of tasks with it.' }),
    gpuType: t.string({ description: GPU_TYPE }),
    extraOptions: t.stringList({
      description:
        'Further sbatch options of this component. Options that Slurm does not take per component, such as --comment, also apply to the components after it.',
    }),
  }),
});

export const SubmitJobInput = builder.inputType('SubmitJobInput', {
  description: 'A job to run. Omitted fields take the defaults of the project and the cluster.',
  fields: (t) => ({
    idempotencyKey: t.string({
      description:
        'The same key with the same inputs returns the same job, however often it is sent. Use a new key for each job, and set it wherever a request may be retried. The same key with other inputs is refused.',
    }),
    waitSeconds: t.int({
      defaultValue: 10,
      description:
        "How long to wait for Slurm's answer, 0 to 300 seconds. The job is recorded before the wait, and its submission continues after it.",
    }),
    projectId: t.id({ description: 'The project whose files the job runs. Either this or `project`.' }),
    project: t.string({ description: 'The project by name, instead of `projectId`.' }),
    cluster: t.string({ required: true, description: "The cluster's name." }),
    name: t.string({
      description:
        'Also its name in Slurm, exactly: one line of at most 200 characters and 255 bytes. Default: the beginning of the command.',
    }),
    description: t.string({ description: 'What this run is meant to show.' }),
    tags: t.stringList({
      description: 'What to sort it by: at most 32, each one line of at most 64 characters. Repeated ones count once.',
    }),
    basedOnJobId: t.id({ description: 'The job that this one is based on.' }),
    command: t.string({
      required: true,
      description:
        'Shell lines that bash runs in the checked-out project, or a whole batch script. The #SBATCH lines at the head of a script become fields and options; those of the request override them (see `Job.submitMessage`).',
    }),
    gitRef: t.string({ description: "Branch, tag or commit. Default: the project's HEAD." }),
    includeUncommitted: t.boolean({
      defaultValue: false,
      description:
        'Send the files of the work tree as they are on disk, including new ones that git does not ignore; at most 1 GiB of such changes. Only for the commit that is checked out.',
    }),
    partition: t.string({ description: "Default: the cluster's default partition." }),
    nodes: t.int({ description: 'Number of nodes; with `maxNodes`, the minimum.' }),
    maxNodes: t.int({
      description: 'The maximum number of nodes. Slurm allocates from `nodes` (default 1) up to this many.',
    }),
    tasks: t.int({ description: 'Number of tasks (processes that srun starts).' }),
    cpusPerTask: t.int({ description: 'CPUs per task.' }),
    memoryMb: t.field({ type: 'SafeInt', description: 'MiB per node; 0 means all memory of the node.' }),
    gpus: t.int({ description: 'GPUs per node. Set at most one of `gpus`, `gpusTotal` and `gpusPerTask`.' }),
    gpusTotal: t.int({ description: 'GPUs in total, on any number of nodes.' }),
    gpusPerTask: t.int({ description: 'GPUs per task. Slurm requires the number of tasks with it.' }),
    gpuType: t.string({ description: GPU_TYPE }),
    timeLimitMinutes: t.int({ description: 'The time limit.' }),
    account: t.string({ description: 'The Slurm account to charge.' }),
    qos: t.string({ description: 'The Slurm quality of service.' }),
    array: t.string({ description: 'Task indexes in sbatch\'s syntax: "0-9%2".' }),
    dependsOn: t.field({ type: [JobDependencyInput], description: 'The job waits for all of these.' }),
    singleton: t.boolean({
      defaultValue: false,
      description: 'The job waits until every earlier job of the same name on the cluster has ended.',
    }),
    environment: t.field({ type: [EnvironmentVariableInput], description: 'Environment variables of the job.' }),
    condaEnv: t.string({ description: "Default: the project's, else the cluster's." }),
    extraOptions: t.stringList({
      description:
        'Further sbatch options, one per string: "--constraint=a100". An option that contradicts another part of the request is refused. A --gres is joined with the GPUs.',
    }),
    components: t.field({
      type: [JobComponentInput],
      description:
        'Makes it a heterogeneous job: these components in addition to the first one, which the fields above describe. All components start together as one job; 100 at most. The command runs once, on the first node of the first component, and starts processes on the others with srun --het-group. Slurm never puts two components on the same node. Not together with `array`.',
    }),
  }),
});

/** The request as the actions take it. */
export function toSubmitJob(input: typeof SubmitJobInput.$inferInput): SubmitJob {
  return {
    idempotencyKey: input.idempotencyKey ?? null,
    waitSeconds: input.waitSeconds ?? 10,
    projectId: input.projectId == null ? null : localId(input.projectId, 'Project'),
    project: input.project ?? null,
    cluster: input.cluster,
    name: input.name ?? null,
    description: input.description ?? null,
    tags: input.tags ?? [],
    basedOnJobId: input.basedOnJobId == null ? null : localId(input.basedOnJobId, 'Job'),
    command: input.command,
    gitRef: input.gitRef ?? null,
    includeUncommitted: input.includeUncommitted ?? false,
    partition: input.partition ?? null,
    resources: {
      nodes: input.nodes ?? null,
      maxNodes: input.maxNodes ?? null,
      tasks: input.tasks ?? null,
      cpusPerTask: input.cpusPerTask ?? null,
      memoryMb: input.memoryMb ?? null,
      gpus: input.gpus ?? null,
      gpusTotal: input.gpusTotal ?? null,
      gpusPerTask: input.gpusPerTask ?? null,
      gpuType: input.gpuType ?? null,
      timeLimitMinutes: input.timeLimitMinutes ?? null,
      account: input.account ?? null,
      qos: input.qos ?? null,
      array: input.array ?? null,
    },
    dependsOn: (input.dependsOn ?? []).map(({ jobId, kind }) => ({ jobId: localId(jobId, 'Job'), kind })),
    isSingleton: input.singleton ?? false,
    environment: input.environment ?? [],
    condaEnv: input.condaEnv ?? null,
    extraOptions: input.extraOptions ?? [],
    components: (input.components ?? []).map((component) => ({
      partition: component.partition ?? null,
      resources: {
        nodes: component.nodes ?? null,
        maxNodes: component.maxNodes ?? null,
        tasks: component.tasks ?? null,
        cpusPerTask: component.cpusPerTask ?? null,
        memoryMb: component.memoryMb ?? null,
        gpus: component.gpus ?? null,
        gpusTotal: component.gpusTotal ?? null,
        gpusPerTask: component.gpusPerTask ?? null,
        gpuType: component.gpuType ?? null,
      },
      extraOptions: component.extraOptions ?? [],
    })),
  };
}
