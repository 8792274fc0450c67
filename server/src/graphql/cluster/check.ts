import { type ClusterCheck, checkCluster } from '../../actions/index.ts';
import { viewOf } from '../../clusters/index.ts';
import type { CHECK_STATUSES, CHECK_STEPS, CheckStep } from '../../domain/cluster-check.ts';
import { builder } from '../builder.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { costs } from '../marks.ts';
import { ClusterRef } from './types.ts';

const ClusterTestStepName = builder.enumType('ClusterTestStepName', {
  description: 'What a step of a cluster test looks at, in the order of the steps.',
  values: {
    SETTINGS: { description: 'The OpenSSH configuration and the keys can be read.' },
    REACH: { description: 'Something answers at the host and port, by way of the jump hosts.' },
    HOST_KEY: { description: 'It is the host that is known.' },
    LOGIN: { description: 'The login is accepted.' },
    SHELL: { description: 'Commands run there: the login shell, bash, and the tools that are used.' },
    SLURM: { description: "Slurm's commands are found, are new enough, and the controller answers; and the clock." },
    QUEUE: { description: 'squeue answers the question by which jobs are watched.' },
    ACCOUNTING: { description: 'sacct answers the question for jobs that left the queue.' },
    NODES: { description: 'scontrol tells of partitions and nodes.' },
    SFTP: { description: 'Files can be read over SFTP.' },
    GIT: { description: "git on the server's machine packs projects; tar and gzip on the cluster unpack them." },
    WORKSPACE: { description: 'The workspace is there or can be made, can be written to, and has room.' },
    SUBMIT: { description: 'sbatch understands what it is given, and would take a job: none is left behind.' },
  } satisfies Record<(typeof CHECK_STEPS)[number], { description: string }>,
});

const ClusterTestStatus = builder.enumType('ClusterTestStatus', {
  description: 'How a step of a cluster test went.',
  values: {
    OK: { description: 'As it should be.' },
    WARNING: { description: 'It works, and `advice` says what could be better.' },
    FAILED: { description: 'It does not work: see `advice`.' },
    SKIPPED: { description: 'It was not tried, because an earlier step failed.' },
  } satisfies Record<(typeof CHECK_STATUSES)[number], { description: string }>,
});

const ClusterTestStep = builder.objectRef<CheckStep>('ClusterTestStep').implement({
  description: 'One step of a cluster test.',
  fields: (t) => ({
    name: t.expose('name', { type: ClusterTestStepName, description: 'What it looks at.' }),
    status: t.expose('status', { type: ClusterTestStatus, description: 'How it went.' }),
    found: t.exposeString('found', { description: 'What was found, for people.' }),
    advice: t.exposeString('advice', { nullable: true, description: 'What to do about it. Null: nothing.' }),
    seconds: t.exposeFloat('seconds', {
      nullable: true,
      description: 'How long it took; for the connection, when it was made. Null: it was skipped.',
    }),
  }),
});

const TestClusterPayload = builder.objectRef<Payload<ClusterCheck>>('TestClusterPayload').implement({
  description: 'What a cluster test found, or why there was none.',
  fields: (t) => ({
    cluster: t.field({
      type: ClusterRef,
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => (result === null ? null : viewOf(result.cluster)),
    }),
    steps: t.field({
      type: [ClusterTestStep],
      description: 'Every step, in their order. Empty: the request was refused.',
      resolve: ({ result }) => [...(result?.steps ?? [])],
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: the test was made, whatever it found.',
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
