import { answerLogin, connectCluster } from '../../actions/index.ts';
import { type Cluster, viewOf } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { SECRET } from '../marks.ts';
import { ClusterRef } from './types.ts';

const ClusterPayload = builder.objectRef<Payload<Cluster>>('ClusterPayload').implement({
  description: 'The cluster after the mutation, or why nothing was changed.',
  fields: (t) => ({
    cluster: t.field({
      type: ClusterRef,
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => (result === null ? null : viewOf(result)),
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: the mutation succeeded.',
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
      'Tries to connect now instead of waiting for the next attempt, also after a login or a host key was refused. ' +
      'Returns at once; `clusterStatus` reports the result.',
    args: { input: t.arg({ type: ConnectClusterInput, required: true, description: 'The cluster to connect to.' }) },
    resolve: (_root, { input }, context) => toPayload(connectCluster(context, context.actor, input.name)),
  }),
);

const AnswerLoginInput = builder.inputType('AnswerLoginInput', {
  description: "Answers to the prompts of a cluster's login.",
  fields: (t) => ({
    cluster: t.string({ required: true, description: 'Its key in clusters.yaml.' }),
    promptId: t.string({ required: true, description: 'The `id` of the `loginPrompt` that is answered.' }),
    answers: t.stringList({
      ...SECRET,
      required: true,
      description: 'One answer per prompt, in the same order. They are sent to the cluster and stored nowhere.',
    }),
  }),
});

builder.mutationField('answerLogin', (t) =>
  t.field({
    type: ClusterPayload,
    description:
      "Sends the password or code that a cluster's login asks for. For administrators. Returns at once; `clusterStatus` reports " +
      'whether the cluster accepted it, asks again, or asks for more.',
    args: {
      input: t.arg({
        type: AnswerLoginInput,
        required: true,
        description: 'The cluster, and the answers to its prompts.',
      }),
    },
    resolve: (_root, { input }, context) => toPayload(answerLogin(context, context.actor, input)),
  }),
);
