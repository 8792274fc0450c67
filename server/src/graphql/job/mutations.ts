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
  description: 'What a write of many jobs did to each.',
  fields: (t) => ({
    results: t.field({
      type: [JobPayload],
      description:
        'One for each id, in the order of the ids; of each, what was done or why not. What is refused as a whole, such as a list of more than 1,000 ids, has one entry.',
      // There is one for each id, which the whole mutation costs.
      ...costs({ entries: 1 }),
      resolve: (outcomes) => outcomes.map(toPayload),
    }),
  }),
});

/** A write of one job that takes nothing but its id. */
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
      args: { input: t.arg({ type: input, required: true, description: 'What to act on.' }) },
      resolve: async (_root, args, context) =>
        toPayload(await act(context, context.actor, localId(args.input.id, 'Job'))),
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

/** A write of many jobs that takes nothing but their ids. */
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
  (context, actor, ids) => archiveJobs(context, actor, ids, true),
  'Takes jobs out of the lists that do not ask for archived ones. Nothing is deleted, and a job that is active goes on.',
);
jobsMutation(
  'unarchiveJobs',
  'UnarchiveJobsInput',
  (context, actor, ids) => archiveJobs(context, actor, ids, false),
  'Brings archived jobs back into the lists.',
);
