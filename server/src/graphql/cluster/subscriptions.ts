import { clusterStatusFeed } from '../../feeds/index.ts';
import { builder } from '../builder.ts';
import { fault } from '../faults.ts';
import { FeedStream } from '../live/feed-stream.ts';
import { ClusterRef } from './types.ts';

builder.subscriptionField('clusterStatus', (t) =>
  t.field({
    type: ClusterRef,
    description:
      'Health of the connection and the poller of one cluster or of all. Sends the current status, then every change. A cluster that is ' +
      'removed from clusters.yaml is sent once more, with `isConfigured` false. A new one is included automatically.',
    args: { name: t.arg.string({ description: 'Null: all clusters.' }) },
    subscribe: (_root, { name }, { clusters, account }) => {
      if (name != null && clusters.get(name) === null) {
        throw fault('NOT_FOUND', `There is no cluster ${JSON.stringify(name)}`);
      }
      return new FeedStream(() => clusterStatusFeed(clusters, name ?? null), account);
    },
    resolve: (cluster) => cluster,
  }),
);
