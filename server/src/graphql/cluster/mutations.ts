import { connectCluster } from '../../actions/index.ts';
import { type Cluster, viewOf } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { ClusterRef } from './types.ts';

const ClusterPayload = builder.objectRef<Payload<Cluster>>('ClusterPayload').implement({
  description: 'A cluster after a write, or why nothing was done.',
  fields: (t) => ({
    cluster: t.field({
      type: ClusterRef,
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => (result === null ? null : viewOf(result)),
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: it is done.',
      resolve: ({ userErrors }) => [...userErrors],
    }),
  }),
});

const ConnectClusterInput = builder.inputType('ConnectClusterInput', {
  description: 'The cluster to connect to.',
  fields: (t) => ({ name: t.string({ required: true, description: 'Its key in clusters.yaml.' }) }),
});

builder.mutationField('connectCluster', (t) =>
  t.field({
    type: ClusterPayload,
    description:
      'Tries to connect now, instead of at the next attempt; also after a login or host key that was refused. ' +
      'Returns at once: `clusterStatus` tells what came of it.',
    args: { input: t.arg({ type: ConnectClusterInput, required: true }) },
    resolve: (_root, { input }, context) => toPayload(connectCluster(context, input.name)),
  }),
);
