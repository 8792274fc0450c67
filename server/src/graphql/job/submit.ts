import { resubmitJob, submitJob } from '../../actions/index.ts';
import { builder } from '../builder.ts';
import { toPayload } from '../errors.ts';
import { localId } from '../ids.ts';
import { JobPayload } from './payload.ts';
import { SubmitJobInput, toSubmitJob } from './submit-input.ts';

builder.mutationField('submitJob', (t) =>
  t.field({
    type: JobPayload,
    description: 'Records a job and submits it to Slurm. A recorded job is never lost and never run twice.',
    args: { input: t.arg({ type: SubmitJobInput, required: true, description: 'What to run, where, and with what.' }) },
    resolve: async (_root, { input }, context) =>
      toPayload(await submitJob(context, context.actor, toSubmitJob(input))),
  }),
);

const ResubmitJobInput = builder.inputType('ResubmitJobInput', {
  description: 'The job to submit again.',
  fields: (t) => ({
    id: t.id({
      required: true,
      description: 'A job, an array, or one task. A task becomes a job with that task alone.',
    }),
    idempotencyKey: t.string({ description: 'The same key returns the same job, however often it is sent.' }),
    waitSeconds: t.int({ defaultValue: 10, description: "How long to wait for Slurm's answer, 0 to 300 seconds." }),
  }),
});

builder.mutationField('resubmitJob', (t) =>
  t.field({
    type: JobPayload,
    description:
      'Submits a new job with the exact inputs of an old one: the same commit even if its branch has moved, the prologue and conda environment that the project had then, the same command, resources, options and environment variables. It waits again for the jobs that the old one waited for, except those that have ended and met the condition. Refused if the job ran with uncommitted changes, which are not kept, or if its project was removed.',
    args: { input: t.arg({ type: ResubmitJobInput, required: true, description: 'The job whose inputs are used.' }) },
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
