import { type JobPreview, MAX_PREVIEWED_CLUSTERS, previewJob } from '../../actions/index.ts';
import { clusterOfJob } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { ClusterRef } from '../cluster/types.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { costs } from '../marks.ts';
import { SubmitJobInput, toSubmitJob } from './submit-input.ts';

const JobPreviewRef = builder.objectRef<JobPreview>('JobPreview').implement({
  description: 'What Slurm would do with a job on one cluster, as it says now. Nothing is submitted.',
  fields: (t) => ({
    cluster: t.field({
      type: ClusterRef,
      description: 'The cluster that was asked.',
      resolve: ({ clusterName }, _args, { clusters }) => clusterOfJob(clusters, clusterName),
    }),
    script: t.exposeString('script', {
      nullable: true,
      description:
        'The batch script that would be submitted, without the values of environment variables. The id of the job in it ' +
        'stands for the one that it would get. Null: the job would be refused before Slurm is asked, or the cluster cannot be asked.',
    }),
    isAccepted: t.exposeBoolean('isAccepted', {
      description: 'Slurm would take the job. False: it would not, or it cannot be asked now; `message` says which.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description:
        'Why the job would be refused, in the words of Slurm where it is the one. Null: there is nothing to tell.',
    }),
    estimatedStartAt: t.expose('estimatedStartAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When Slurm plans to start it, without regard to jobs that it would wait for. Null: Slurm has no plan for it.',
    }),
    nodeList: t.exposeString('nodeList', {
      nullable: true,
      description: 'The nodes on which Slurm would start it then. Null: Slurm has no plan for it.',
    }),
  }),
});

const PreviewJobPayload = builder.objectRef<Payload<readonly JobPreview[]>>('PreviewJobPayload').implement({
  description: 'What would become of a job, or why it would be refused everywhere.',
  fields: (t) => ({
    previews: t.field({
      type: [JobPreviewRef],
      description: 'One for each cluster that was asked, in the order of the request.',
      ...costs({ entries: 1 }),
      resolve: ({ result }) => [...(result ?? [])],
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Why submitJob would refuse the job. Empty: each cluster was asked.',
      resolve: ({ userErrors }) => [...userErrors],
    }),
  }),
});

builder.mutationField('previewJob', (t) =>
  t.field({
    type: PreviewJobPayload,
    description:
      'Has Slurm judge a job (sbatch --test-only), and shows its batch script. Nothing is recorded or submitted. Slurm looks for a place for the job, which costs it more than most queries.',
    ...costs(({ clusters }: { readonly clusters?: readonly string[] | null }) => ({
      own: 100,
      entries: Math.max(1, clusters?.length ?? 1),
    })),
    args: {
      input: t.arg({ type: SubmitJobInput, required: true, description: 'The job, as for submitJob.' }),
      clusters: t.arg.stringList({
        description: `The names of the clusters to ask instead of the one of the input, at most ${MAX_PREVIEWED_CLUSTERS}. A refusal on one is its verdict, and not an error.`,
      }),
    },
    resolve: async (_root, { input, clusters }, context) =>
      toPayload(await previewJob(context, context.actor, toSubmitJob(input), clusters ?? null, context.signal)),
  }),
);
