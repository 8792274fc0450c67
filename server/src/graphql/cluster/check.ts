import { type ClusterCheck, checkCluster } from '../../actions/index.ts';
import { viewOf } from '../../clusters/index.ts';
import type { CHECK_STATUSES, CHECK_STEPS, CheckStep } from '../../domain/cluster-check.ts';
import { builder } from '../builder.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { costs } from '../marks.ts';
import { ClusterRef } from './types.ts';

const ClusterTestStepName = builder.enumType('ClusterTestStepName', {
  description: 'What a step of a cluster test checks, in the order of the steps.',
  values: {
    SETTINGS: { description: 'The OpenSSH configuration and the keys can be read.' },
    REACH: { description: 'The host and port can be reached, through the jump hosts.' },
    HOST_KEY: { description: 'The host key is known and has not changed.' },
    LOGIN: { description: 'The login is accepted.' },
    SHELL: { description: 'Commands run on the cluster: the login shell, bash, and the tools that SlurmQL uses.' },
    SLURM: {
      description: "Slurm's commands are found and recent enough, the controller answers, and the clocks agree.",
    },
    QUEUE: { description: 'squeue answers the query that jobs are watched with.' },
    ACCOUNTING: { description: 'sacct answers the query for jobs that have left the queue.' },
    NODES: { description: 'scontrol lists partitions and nodes.' },
    SFTP: { description: 'Files can be read over SFTP.' },
    GIT: { description: "git on the server's machine packs projects; tar and gzip on the cluster unpack them." },
    WORKSPACE: { description: 'The workspace exists or can be created, is writable, and has free space.' },
    SUBMIT: {
      description: 'sbatch accepts the options that SlurmQL passes and would accept a job. No job is left behind.',
    },
  } satisfies Record<(typeof CHECK_STEPS)[number], { description: string }>,
});

const ClusterTestStatus = builder.enumType('ClusterTestStatus', {
  description: 'The result of a step of a cluster test.',
  values: {
    OK: { description: 'As it should be.' },
    WARNING: { description: 'It works; `advice` says what could be improved.' },
    FAILED: { description: 'It does not work: see `advice`.' },
    SKIPPED: { description: 'Not run, because an earlier step failed.' },
  } satisfies Record<(typeof CHECK_STATUSES)[number], { description: string }>,
});

const ClusterTestStep = builder.objectRef<CheckStep>('ClusterTestStep').implement({
  description: 'One step of a cluster test.',
  fields: (t) => ({
    name: t.expose('name', { type: ClusterTestStepName, description: 'What the step checks.' }),
    status: t.expose('status', { type: ClusterTestStatus, description: 'The result.' }),
    found: t.exposeString('found', { description: 'What was found, as text for people.' }),
    advice: t.exposeString('advice', { nullable: true, description: 'What to do about it. Null: nothing.' }),
    seconds: t.exposeFloat('seconds', {
      nullable: true,
      description:
        'How long the step took; for the connection, how long it took when it was made. Null: it was skipped.',
    }),
  }),
});

const TestClusterPayload = builder.objectRef<Payload<ClusterCheck>>('TestClusterPayload').implement({
  description: 'The results of a cluster test, or why it was refused.',
  fields: (t) => ({
    cluster: t.field({
      type: ClusterRef,
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => (result === null ? null : viewOf(result.cluster)),
    }),
    steps: t.field({
      type: [ClusterTestStep],
      description: 'Every step, in order. Empty: the request was refused.',
      resolve: ({ result }) => [...(result?.steps ?? [])],
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: the test ran, whatever it found.',
      resolve: ({ userErrors }) => [...userErrors],
    }),
  }),
});

const TestClusterInput = builder.inputType('TestClusterInput', {
  description: 'The cluster to test.',
  fields: (t) => ({ name: t.string({ required: true, description: 'Its key in clusters.yaml.' }) }),
});

builder.mutationField('testCluster', (t) =>
  t.field({
    type: TestClusterPayload,
    ...costs({ own: 1000 }),
    description:
      'Goes through everything that a cluster has to offer, and says of each step what was found and what to do. Uses ' +
      'the connection that is there; without one it makes a single attempt. Those who ask at once share one test. It ' +
      'takes seconds, up to a few minutes where nothing answers. For administrators.',
    args: { input: t.arg({ type: TestClusterInput, required: true, description: 'The cluster to go through.' }) },
    resolve: async (_root, { input }, context) => toPayload(await checkCluster(context, context.actor, input.name)),
  }),
);
