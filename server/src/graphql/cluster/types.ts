import { type ClusterView, isStale, viewOf } from '../../clusters/index.ts';
import type { CLUSTER_STATUSES } from '../../domain/cluster.ts';
import { builder, ID_DESCRIPTION } from '../builder.ts';
import { needs } from '../marks.ts';
import { LoginPromptRef } from './login-prompt.ts';

const ClusterStatus = builder.enumType('ClusterStatus', {
  description: 'How a cluster can be reached.',
  values: {
    CONNECTING: { description: 'The connection is being made, or Slurm is being looked for.' },
    ONLINE: { description: 'Slurm answers.' },
    DEGRADED: { description: 'The login works and Slurm does not answer.' },
    UNREACHABLE: { description: 'There is no SSH connection; the next attempt comes by itself.' },
    AUTH_REQUIRED: {
      description:
        'A person has to act: the login asks for something (`loginPrompt`), or the login or the host key was refused. ' +
        'Nothing is tried meanwhile, unless the login has worked by keys alone: then it is tried again, rarely, and ' +
        '`statusMessage` says when.',
    },
    IDLE: { description: 'Not connected, and not meant to be.' },
  } satisfies Record<(typeof CLUSTER_STATUSES)[number], { description: string }>,
});

export const ClusterRef = builder.objectRef<ClusterView>('Cluster');
builder.node(ClusterRef, {
  description: 'A Slurm cluster that is reached over SSH.',
  id: { resolve: ({ name }) => name, description: ID_DESCRIPTION },
  loadManyWithoutCache: (names, { clusters }) =>
    names.map((name) => {
      const cluster = clusters.get(name);
      return cluster === null ? null : viewOf(cluster);
    }),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'live' in value,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its key in clusters.yaml.' }),
    host: t.exposeString('host', { description: 'The login node, as clusters.yaml names it.' }),
    isConfigured: t.boolean({
      description: 'It is in clusters.yaml. False: it was removed, and only its history is left.',
      resolve: ({ live }) => live !== null,
    }),
    status: t.field({
      type: ClusterStatus,
      description: 'Whether it can be asked.',
      resolve: ({ health }) => health.status,
    }),
    statusMessage: t.string({
      nullable: true,
      description: 'What is wrong and what to do about it. Null: nothing is.',
      resolve: ({ health }) => health.message,
    }),
    isStale: t.boolean({
      description:
        'Its active jobs are shown as last seen: it has active jobs and has not answered for three poll intervals, or it ' +
        'is no longer in clusters.yaml.',
      resolve: (cluster) => isStale(cluster),
    }),
    loginPrompt: t.field({
      type: LoginPromptRef,
      nullable: true,
      description: 'What its login asks of a person. Null: nothing waits for an answer, or you are no administrator.',
      ...needs('CONNECT_CLUSTERS', 'NULL'),
      resolve: ({ live }) => live?.loginPrompt ?? null,
    }),
    loginAsksPerson: t.boolean({
      description:
        'Its login asks for a password or a code. Once the connection is lost, it is AUTH_REQUIRED until an ' +
        'administrator logs in again: `connectCluster`, then `answerLogin`.',
      resolve: ({ live }) => live?.loginAsksPerson ?? false,
    }),
    lastPolledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the jobs on it were last seen as a whole. Null: never. It is not asked while no job is active.',
      resolve: ({ health }) => health.lastPolledAt,
    }),
    slurmVersion: t.string({
      nullable: true,
      description: 'Null: it has never been reached.',
      resolve: ({ health }) => health.slurmVersion,
    }),
    activeJobCount: t.int({
      description: 'Jobs that were submitted here and are not over; an array counts once.',
      resolve: ({ name }, _args, { journal }) => journal.activeCount(name),
    }),
  }),
});
