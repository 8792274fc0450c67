import { resubmitJob, submitJob } from '../../actions/index.ts';
import { builder } from '../builder.ts';
import { toPayload } from '../errors.ts';
import { localId } from '../ids.ts';
import { SECRET } from '../marks.ts';
import { JobPayload } from './payload.ts';
import { JobDependencyKind } from './submission.ts';

const JobDependencyInput = builder.inputType('JobDependencyInput', {
  description: 'Another job of the same cluster to wait for.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: 'The other job.' }),
    kind: t.field({
      type: JobDependencyKind,
      required: true,
      defaultValue: 'AFTER_OK',
      description: 'What to wait for.',
    }),
  }),
});

const EnvironmentVariableInput = builder.inputType('EnvironmentVariableInput', {
  description: 'A variable that the job sees. Values are kept out of scripts, logs and answers.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'Letters, digits and "_", each name once. Those that Slurm (SLURM_…, SBATCH_…) or bash sets itself are refused.',
    }),
    value: t.string({
      ...SECRET,
      required: true,
      description: 'Any text but NUL; it arrives byte for byte, and nothing in it is expanded.',
    }),
  }),
});

const GPU_TYPE =
  'As Slurm names it. Default: any. Where clusters.yaml allows some types, it is needed unless every node that the job may get has no others.';

const JobComponentInput = builder.inputType('JobComponentInput', {
  description:
    "A further component of a heterogeneous job. What is left out follows the cluster's defaults, and not the first component.",
  fields: (t) => ({
    partition: t.string({ description: "Default: the cluster's default partition." }),
    nodes: t.int({ description: 'Number of nodes; with `maxNodes`, the fewest.' }),
    maxNodes: t.int({ description: 'As many nodes as can be had, from `nodes` (1 if that is left out) to this many.' }),
    tasks: t.int({ description: 'Number of tasks (processes that srun starts).' }),
    cpusPerTask: t.int({ description: 'CPUs for each task.' }),
    memoryMb: t.field({
      type: 'SafeInt',
      description:
        'MiB on each node; 0 for all that a node has. Written for every component, the first one included, or for none: sbatch would hand it on to those without.',
    }),
    gpus: t.int({ description: 'GPUs on each node. Of `gpus`, `gpusTotal` and `gpusPerTask`, one at most.' }),
    gpusTotal: t.int({ description: 'GPUs in all, on however many nodes Slurm finds them.' }),
    gpusPerTask: t.int({ description: 'GPUs for each task. Slurm wants to know the number of tasks with it.' }),
    gpuType: t.string({ description: GPU_TYPE }),
    extraOptions: t.stringList({
      description:
        'Further sbatch options of this component. Those that Slurm does not take for each component by itself, such as --comment, hold for the ones behind it too.',
    }),
  }),
});

const SubmitJobInput = builder.inputType('SubmitJobInput', {
  description: "A job to run. What is left out follows the project's and the cluster's defaults.",
  fields: (t) => ({
    idempotencyKey: t.string({
      description:
        'The same key with the same inputs returns the same job, however often it is sent: make one for each job, and set it wherever a request may be repeated. With other inputs it is refused.',
    }),
    waitSeconds: t.int({
      defaultValue: 10,
      description: "How long to wait for Slurm's answer, 0 to 300. The job is recorded before, and goes on after.",
    }),
    projectId: t.id({ description: 'Whose files it runs. Either this or `project`.' }),
    project: t.string({ description: 'The same by name.' }),
    cluster: t.string({ required: true, description: 'Where, by name.' }),
    name: t.string({ description: 'Default: the beginning of the command.' }),
    description: t.string({ description: 'What this run is to show.' }),
    basedOnJobId: t.id({ description: 'The job that this one was made from.' }),
    command: t.string({
      required: true,
      description:
        'Shell lines that bash runs in the checked-out project; or a whole batch script: the #SBATCH lines at its head become fields and options here, and give way to those of the request (see `Job.submitMessage`).',
    }),
    gitRef: t.string({ description: "Branch, tag or commit. Default: the project's HEAD." }),
    includeUncommitted: t.boolean({
      defaultValue: false,
      description:
        'Send the files of the work tree as they are on disk, new ones that git does not ignore included, at most 1 GiB of such changes. Only for the commit that is checked out.',
    }),
    partition: t.string({ description: "Default: the cluster's default partition." }),
    nodes: t.int({ description: 'Number of nodes; with `maxNodes`, the fewest.' }),
    maxNodes: t.int({ description: 'As many nodes as can be had, from `nodes` (1 if that is left out) to this many.' }),
    tasks: t.int({ description: 'Number of tasks (processes that srun starts).' }),
    cpusPerTask: t.int({ description: 'CPUs for each task.' }),
    memoryMb: t.field({ type: 'SafeInt', description: 'MiB on each node; 0 for all that a node has.' }),
    gpus: t.int({ description: 'GPUs on each node. Of `gpus`, `gpusTotal` and `gpusPerTask`, one at most.' }),
    gpusTotal: t.int({ description: 'GPUs in all, on however many nodes Slurm finds them.' }),
    gpusPerTask: t.int({ description: 'GPUs for each task. Slurm wants to know the number of tasks with it.' }),
    gpuType: t.string({ description: GPU_TYPE }),
    timeLimitMinutes: t.int({ description: 'The longest it may run.' }),
    account: t.string({ description: "Slurm's account to charge." }),
    qos: t.string({ description: "Slurm's quality of service." }),
    array: t.string({ description: 'Task indexes, as sbatch takes them: "0-9%2".' }),
    dependsOn: t.field({ type: [JobDependencyInput], description: 'Jobs to wait for, all of them.' }),
    singleton: t.boolean({
      defaultValue: false,
      description: 'Waits for every job of the same name that was submitted before on its cluster to end.',
    }),
    environment: t.field({ type: [EnvironmentVariableInput], description: 'Variables that the job sees.' }),
    condaEnv: t.string({ description: "Default: the project's, else the cluster's." }),
    extraOptions: t.stringList({
      description:
        'Further sbatch options, one a string: "--constraint=a100". What would undo another part of the request is refused; a --gres is joined with the GPUs.',
    }),
    components: t.field({
      type: [JobComponentInput],
      description:
        'Makes it a heterogeneous job: these components beside the one that the fields above ask for, all started together under one job, 100 at most. The command runs once, on the first node of the first one, and reaches the others with srun --het-group. Slurm puts no two components on the same node. Not together with `array`.',
    }),
  }),
});

builder.mutationField('submitJob', (t) =>
  t.field({
    type: JobPayload,
    description:
      'Records a job and brings it to Slurm. Once it is recorded, nothing loses it and nothing runs it twice.',
    args: { input: t.arg({ type: SubmitJobInput, required: true, description: 'What to run, where, and with what.' }) },
    resolve: async (_root, { input }, context) =>
      toPayload(
        await submitJob(context, context.actor, {
          idempotencyKey: input.idempotencyKey ?? null,
          waitSeconds: input.waitSeconds ?? 10,
          projectId: input.projectId == null ? null : localId(input.projectId, 'Project'),
          project: input.project ?? null,
          cluster: input.cluster,
          name: input.name ?? null,
          description: input.description ?? null,
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
        }),
      ),
  }),
);

const ResubmitJobInput = builder.inputType('ResubmitJobInput', {
  description: 'The job to submit anew.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'A job, an array, or one task: of a task, a job of that task alone.' }),
    idempotencyKey: t.string({ description: 'The same key returns the same job, however often it is sent.' }),
    waitSeconds: t.int({ defaultValue: 10, description: "How long to wait for Slurm's answer, 0 to 300." }),
  }),
});

builder.mutationField('resubmitJob', (t) =>
  t.field({
    type: JobPayload,
    description:
      "A new job from an old one's exact inputs: the same commit though its branch has moved on, the project's prologue and conda environment of then, the same command, resources, options and environment variables. Jobs that it waited for are waited for again unless they are over and fulfilled the condition. Refused for a job that ran with uncommitted changes, since those are not kept, and for one whose project has been removed.",
    args: { input: t.arg({ type: ResubmitJobInput, required: true, description: 'The job to take the inputs of.' }) },
    resolve: async (_root, { input }, context) =>
      toPayload(
        await resubmitJob(context, context.actor, {
          id: localId(input.id, 'Job'),
          idempotencyKey: input.idempotencyKey ?? null,
          waitSeconds: input.waitSeconds ?? 10,
        }),
      ),
  }),
);
