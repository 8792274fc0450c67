import { answerLogin, connectCluster } from '../../actions/index.ts';
import { type Cluster, viewOf } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { SECRET } from '../marks.ts';
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
    args: { input: t.arg({ type: ConnectClusterInput, required: true, description: 'The cluster to connect to.' }) },
    resolve: (_root, { input }, context) => toPayload(connectCluster(context, context.actor, input.name)),
  }),
);

const AnswerLoginInput = builder.inputType('AnswerLoginInput', {
  description: "Answers to what a cluster's login asks.",
  fields: (t) => ({
    cluster: t.string({ required: true, description: 'Its key in clusters.yaml.' }),
    promptId: t.string({ required: true, description: 'The `id` of the `loginPrompt` that is answered.' }),
    answers: t.stringList({
      ...SECRET,
      required: true,
      description: 'One a prompt, in their order. They go to the cluster and are kept nowhere.',
    }),
  }),
});

builder.mutationField('answerLogin', (t) =>
  t.field({
    type: ClusterPayload,
    description:
      'Gives a login the password or code that it asks for. For administrators. Returns at once: `clusterStatus` tells ' +
      'whether the cluster took it, asks again, or asks for more.',
    args: {
      input: t.arg({
        type: AnswerLoginInput,
        required: true,
        description: 'The answers, and the cluster whose login asked.',
      }),
    },
    resolve: (_root, { input }, context) => toPayload(answerLogin(context, context.actor, input)),
  }),
);
