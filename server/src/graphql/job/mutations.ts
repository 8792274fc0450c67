import { cancelJob, submitJob } from '../../actions/index.ts';
import type { Job } from '../../domain/job.ts';
import type { DEPENDENCY_KINDS } from '../../domain/submission.ts';
import { builder } from '../builder.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { localId } from '../ids.ts';
import { JobRef } from './types.ts';

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

const JobDependencyKind = builder.enumType('JobDependencyKind', {
  description: 'What a job waits for in another one (man sbatch, --dependency).',
  values: {
    AFTER: { description: 'It has started, or was cancelled.' },
    AFTER_OK: { description: 'It has ended with exit code 0.' },
    AFTER_NOT_OK: { description: 'It has failed.' },
    AFTER_ANY: { description: 'It has ended, however it did.' },
  } satisfies Record<(typeof DEPENDENCY_KINDS)[number], { description: string }>,
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
    name: t.string({ required: true, description: 'Letters, digits and "_".' }),
    value: t.string({ required: true, description: 'Any text; taken as it is, nothing in it is expanded.' }),
  }),
});

const SubmitJobInput = builder.inputType('SubmitJobInput', {
  description: "A job to run. What is left out follows the project's and the cluster's defaults.",
  fields: (t) => ({
    idempotencyKey: t.string({
      description:
        'The same key returns the same job, however often it is sent: set it wherever a request may be repeated.',
    }),
    waitSeconds: t.int({
      defaultValue: 10,
      description: "How long to wait for Slurm's answer, 0 to 300. The job is recorded before, and goes on after.",
    }),
    projectId: t.id({ required: true, description: 'Whose files it runs.' }),
    cluster: t.string({ required: true, description: 'Where, by name.' }),
    name: t.string({ description: 'Default: the beginning of the command.' }),
    description: t.string({ description: 'What this run is to show.' }),
    basedOnJobId: t.id({ description: 'The job that this one was made from.' }),
    command: t.string({ required: true, description: 'Shell lines that bash runs in the checked-out project.' }),
    gitRef: t.string({ description: "Branch, tag or commit. Default: the project's HEAD." }),
    includeUncommitted: t.boolean({
      defaultValue: false,
      description: 'Take changes and new files of the work tree along. Only for the commit that is checked out.',
    }),
    partition: t.string({ description: "Default: the cluster's default partition." }),
    nodes: t.int({ description: 'Number of nodes.' }),
    tasks: t.int({ description: 'Number of tasks (processes that srun starts).' }),
    cpusPerTask: t.int({ description: 'CPUs for each task.' }),
    memoryMb: t.field({ type: 'SafeInt', description: 'MiB on each node.' }),
    gpus: t.int({ description: 'GPUs on each node.' }),
    gpuType: t.string({ description: 'As Slurm names it. Default: any.' }),
    timeLimitMinutes: t.int({ description: 'The longest it may run.' }),
    account: t.string({ description: "Slurm's account to charge." }),
    qos: t.string({ description: "Slurm's quality of service." }),
    array: t.string({ description: 'Task indexes, as sbatch takes them: "0-9%2".' }),
    dependsOn: t.field({ type: [JobDependencyInput], description: 'Jobs to wait for, all of them.' }),
    environment: t.field({ type: [EnvironmentVariableInput], description: 'Variables that the job sees.' }),
    condaEnv: t.string({ description: "Default: the project's, else the cluster's." }),
    extraOptions: t.stringList({ description: 'Further sbatch options, one a string: "--constraint=a100".' }),
  }),
});

builder.mutationField('submitJob', (t) =>
  t.field({
    type: JobPayload,
    description:
      'Records a job and brings it to Slurm. Once it is recorded, nothing loses it and nothing runs it twice.',
    args: { input: t.arg({ type: SubmitJobInput, required: true }) },
    resolve: async (_root, { input }, context) =>
      toPayload(
        await submitJob(context, context.viewer, {
          idempotencyKey: input.idempotencyKey ?? null,
          waitSeconds: input.waitSeconds ?? 10,
          projectId: localId(input.projectId, 'Project'),
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
            tasks: input.tasks ?? null,
            cpusPerTask: input.cpusPerTask ?? null,
            memoryMb: input.memoryMb ?? null,
            gpus: input.gpus ?? null,
            gpuType: input.gpuType ?? null,
            timeLimitMinutes: input.timeLimitMinutes ?? null,
            account: input.account ?? null,
            qos: input.qos ?? null,
            array: input.array ?? null,
          },
          dependsOn: (input.dependsOn ?? []).map(({ jobId, kind }) => ({ jobId: localId(jobId, 'Job'), kind })),
          environment: input.environment ?? [],
          condaEnv: input.condaEnv ?? null,
          extraOptions: input.extraOptions ?? [],
        }),
      ),
  }),
);

const CancelJobInput = builder.inputType('CancelJobInput', {
  description: 'The job to end.',
  fields: (t) => ({ id: t.id({ required: true, description: 'A job, an array with all its tasks, or one task.' }) }),
});

builder.mutationField('cancelJob', (t) =>
  t.field({
    type: JobPayload,
    description: 'Asks Slurm to end a job. It is CANCELLING until its end has been seen.',
    args: { input: t.arg({ type: CancelJobInput, required: true }) },
    resolve: async (_root, { input }, context) => toPayload(await cancelJob(context, localId(input.id, 'Job'))),
  }),
);
