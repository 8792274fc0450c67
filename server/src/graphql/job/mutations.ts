import {
  type ActionContext,
  archiveJobs,
  cancelJob,
  cancelJobs,
  holdJob,
  holdJobs,
  releaseJob,
  releaseJobs,
  requeueJob,
  resubmitJob,
  submitJob,
} from '../../actions/index.ts';
import type { Job } from '../../domain/job.ts';
import type { Outcome } from '../../domain/refusal.ts';
import { builder } from '../builder.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { localId, localIds } from '../ids.ts';
import { costs, SECRET } from '../marks.ts';
import { JobDependencyKind, JobRef } from './types.ts';

const JobPayload = builder.objectRef<Payload<Job>>('JobPayload').implement({
  description: 'A job after a write, or why nothing was written.',
  fields: (t) => ({
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => result,
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: it is done.',
      resolve: ({ userErrors }) => [...userErrors],
    }),
  }),
});

const JobsPayload = builder.objectRef<readonly Outcome<Job>[]>('JobsPayload').implement({
  description: 'What a write of many jobs did to each.',
  fields: (t) => ({
    results: t.field({
      type: [JobPayload],
      description:
        'One for each id, in the order of the ids; of each, what was done or why not. A list of more than 1,000 ids is refused as a whole, with one entry.',
      // There is one for each id, which the whole mutation costs.
      ...costs({ entries: 1 }),
      resolve: (outcomes) => outcomes.map(toPayload),
    }),
  }),
});

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
    name: t.string({
      description:
        'Also its name in Slurm, exactly: one line of at most 200 characters and 255 bytes. Default: the beginning of the command.',
    }),
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
        await submitJob(context, context.viewer, {
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

/** A write of one job that takes nothing but its id. */
function jobMutation(
  name: 'cancelJob' | 'holdJob' | 'releaseJob' | 'requeueJob',
  inputName: string,
  act: (context: ActionContext, id: string) => Promise<Outcome<Job>>,
  description: string,
): void {
  const input = builder.inputType(inputName, {
    description: 'The job to act on.',
    fields: (t) => ({ id: t.id({ required: true, description: 'A job, an array with all its tasks, or one task.' }) }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: JobPayload,
      description,
      args: { input: t.arg({ type: input, required: true, description: 'What to act on.' }) },
      resolve: async (_root, args, context) => toPayload(await act(context, localId(args.input.id, 'Job'))),
    }),
  );
}

jobMutation(
  'cancelJob',
  'CancelJobInput',
  cancelJob,
  'Asks Slurm to end a job. It is CANCELLING until its end has been seen; where the cluster gives no answer, the request is repeated until it does. A job that Slurm has not got yet is not run at all.',
);
jobMutation(
  'holdJob',
  'HoldJobInput',
  holdJob,
  'Keeps a job that waits from being started (scontrol hold): it is HELD once Slurm shows so. Of an array, the tasks that wait.',
);
jobMutation(
  'releaseJob',
  'ReleaseJobInput',
  releaseJob,
  "Lets a held job go on (scontrol release). A hold of the cluster's administrator is not the user's to release: Slurm's refusal is told.",
);
jobMutation(
  'requeueJob',
  'RequeueJobInput',
  requeueJob,
  "Has Slurm run a job again under the same number, as its next attempt (scontrol requeue): one that runs, or one that is over while Slurm still holds it (slurm.conf, MinJobAge). Of an array, every task that does not wait. Whether a job may be requeued, by this or by Slurm itself after a preemption or the failure of a node, follows the cluster's default (slurm.conf, JobRequeue) unless extraOptions say --requeue or --no-requeue. Slurm starts it two minutes later at the earliest.",
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
        await resubmitJob(context, context.viewer, {
          id: localId(input.id, 'Job'),
          idempotencyKey: input.idempotencyKey ?? null,
          waitSeconds: input.waitSeconds ?? 10,
        }),
      ),
  }),
);

/** A write of many jobs that takes nothing but their ids. */
function jobsMutation(
  name: 'cancelJobs' | 'holdJobs' | 'releaseJobs' | 'archiveJobs' | 'unarchiveJobs',
  inputName: string,
  act: (context: ActionContext, ids: readonly string[]) => Promise<readonly Outcome<Job>[]>,
  description: string,
): void {
  const input = builder.inputType(inputName, {
    description: 'The jobs to act on.',
    fields: (t) => ({
      ids: t.idList({
        required: true,
        description: 'Jobs, arrays with all their tasks, or single tasks; 1,000 at most.',
      }),
    }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: JobsPayload,
      description,
      ...costs(({ input: { ids } }: { readonly input: { readonly ids: readonly string[] } }) => ({
        entries: ids.length,
        rows: ids.length,
      })),
      args: { input: t.arg({ type: input, required: true, description: 'What to act on.' }) },
      resolve: async (_root, args, context) => [...(await act(context, localIds(args.input.ids, 'Job') ?? []))],
    }),
  );
}

jobsMutation(
  'cancelJobs',
  'CancelJobsInput',
  cancelJobs,
  'Cancels many jobs, on any clusters, with one command a cluster. A job that can not be cancelled keeps none of the others from it.',
);
jobsMutation(
  'holdJobs',
  'HoldJobsInput',
  holdJobs,
  'Holds many jobs, on any clusters, with a few commands a cluster. A job that can not be held keeps none of the others from it.',
);
jobsMutation(
  'releaseJobs',
  'ReleaseJobsInput',
  releaseJobs,
  'Releases many held jobs, on any clusters, with a few commands a cluster. A job that can not be released keeps none of the others from it.',
);
jobsMutation(
  'archiveJobs',
  'ArchiveJobsInput',
  (context, ids) => archiveJobs(context, ids, true),
  'Takes jobs out of the lists that do not ask for archived ones. Nothing is deleted, and a job that is active goes on.',
);
jobsMutation(
  'unarchiveJobs',
  'UnarchiveJobsInput',
  (context, ids) => archiveJobs(context, ids, false),
  'Brings archived jobs back into the lists.',
);
