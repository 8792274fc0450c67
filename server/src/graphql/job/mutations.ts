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
  updateJob,
} from '../../actions/index.ts';
import type { Actor } from '../../domain/actor.ts';
import type { Job } from '../../domain/job.ts';
import type { Outcome } from '../../domain/refusal.ts';
import { builder } from '../builder.ts';
import { toPayload } from '../errors.ts';
import { localId, localIds } from '../ids.ts';
import { costs } from '../marks.ts';
import { JobPayload } from './payload.ts';

const JobsPayload = builder.objectRef<readonly Outcome<Job>[]>('JobsPayload').implement({
  description: 'The result of a mutation for each of many jobs.',
  fields: (t) => ({
    results: t.field({
      type: [JobPayload],
      description:
        'One entry per id, in the order of the ids. A request that is refused as a whole, such as a list of more than 1,000 ids, has one entry.',
      // One for each id, which the mutation's cost includes.
      ...costs({ entries: 1 }),
      resolve: (outcomes) => outcomes.map(toPayload),
    }),
  }),
});

/** A mutation of one job that takes only its id. */
function jobMutation(
  name: 'cancelJob' | 'holdJob' | 'releaseJob' | 'requeueJob',
  inputName: string,
  act: (context: ActionContext, actor: Actor, id: string) => Promise<Outcome<Job>>,
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
      args: { input: t.arg({ type: input, required: true, description: 'The job or jobs to act on.' }) },
      resolve: async (_root, args, context) =>
        toPayload(await act(context, context.actor, localId(args.input.id, 'Job'))),
    }),
  );
}

jobMutation(
  'cancelJob',
  'CancelJobInput',
  cancelJob,
  'Asks Slurm to cancel a job. The job is CANCELLING until its end has been seen. If the cluster does not answer, the request is retried until it does. A job that has not reached Slurm yet never runs.',
);
jobMutation(
  'holdJob',
  'HoldJobInput',
  holdJob,
  'Keeps a waiting job from starting (scontrol hold). It becomes HELD when Slurm reports it as held. In an array, this affects the waiting tasks.',
);
jobMutation(
  'releaseJob',
  'ReleaseJobInput',
  releaseJob,
  "Releases a held job (scontrol release). A user cannot release a hold of the cluster's administrator; Slurm's refusal is returned.",
);
jobMutation(
  'requeueJob',
  'RequeueJobInput',
  requeueJob,
  "Runs a job again under the same Slurm job id, as its next attempt (scontrol requeue). The job must be running, or have ended while Slurm still keeps it (slurm.conf, MinJobAge). In an array, this affects every task that is not waiting. Whether a job may be requeued, by this mutation or by Slurm after a preemption or a node failure, depends on the cluster's default (slurm.conf, JobRequeue) unless extraOptions contain --requeue or --no-requeue. Slurm starts the job after two minutes at the earliest.",
);

const UpdateJobInput = builder.inputType('UpdateJobInput', {
  description: 'What users say of a job. Omitted fields stay as they are.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'A job, or an array with all its tasks.' }),
    name: t.string({
      description: 'A new name: one line of at most 200 characters and 255 bytes. In Slurm the job keeps its old one.',
    }),
    description: t.string({ description: 'A new description; null removes it.' }),
    tags: t.stringList({
      description: 'All of its tags, at most 32 with at most 64 characters each; an empty list, or null, removes them.',
    }),
  }),
});

builder.mutationField('updateJob', (t) =>
  t.field({
    type: JobPayload,
    description:
      'Changes the name, the description and the tags of a job, in any state. What ran, and what Slurm calls it, stays as it is.',
    args: { input: t.arg({ type: UpdateJobInput, required: true, description: 'The job, and the changes to make.' }) },
    resolve: async (_root, { input }, context) =>
      toPayload(await updateJob(context, context.actor, { ...input, id: localId(input.id, 'Job') })),
  }),
);

/** A mutation of many jobs that takes only their ids. */
function jobsMutation(
  name: 'cancelJobs' | 'holdJobs' | 'releaseJobs' | 'archiveJobs' | 'unarchiveJobs',
  inputName: string,
  act: (context: ActionContext, actor: Actor, ids: readonly string[]) => Promise<readonly Outcome<Job>[]>,
  description: string,
): void {
  const input = builder.inputType(inputName, {
    description: 'The jobs to act on.',
    fields: (t) => ({
      ids: t.idList({
        required: true,
        description: 'Jobs, arrays with all their tasks, or single tasks; at most 1,000.',
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
      args: { input: t.arg({ type: input, required: true, description: 'The job or jobs to act on.' }) },
      resolve: async (_root, args, context) => [
        ...(await act(context, context.actor, localIds(args.input.ids, 'Job') ?? [])),
      ],
    }),
  );
}

jobsMutation(
  'cancelJobs',
  'CancelJobsInput',
  cancelJobs,
  'Cancels many jobs, on any clusters, with one command per cluster. A job that cannot be cancelled does not affect the others.',
);
jobsMutation(
  'holdJobs',
  'HoldJobsInput',
  holdJobs,
  'Holds many jobs, on any clusters, with a few commands per cluster. A job that cannot be held does not affect the others.',
);
jobsMutation(
  'releaseJobs',
  'ReleaseJobsInput',
  releaseJobs,
  'Releases many held jobs, on any clusters, with a few commands per cluster. A job that cannot be released does not affect the others.',
);
jobsMutation(
  'archiveJobs',
  'ArchiveJobsInput',
  (context, actor, ids) => archiveJobs(context, actor, ids, true),
  'Hides jobs from lists that do not ask for archived ones. Nothing is deleted, and an active job continues.',
);
jobsMutation(
  'unarchiveJobs',
  'UnarchiveJobsInput',
  (context, actor, ids) => archiveJobs(context, actor, ids, false),
  'Shows archived jobs in lists again.',
);
