import { type Clusters, type ClusterView, clusterOfJob, viewOf } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { fault } from '../faults.ts';
import { type Feed, FeedStream } from '../live/feed.ts';
import { ClusterRef } from './types.ts';

builder.subscriptionField('clusterStatus', (t) =>
  t.field({
    type: ClusterRef,
    description:
      'Connection and poller health of one cluster, or of all: as it is now, then at each change. A cluster that is ' +
      'removed from clusters.yaml is told of once more, with `isConfigured` false; one that is added comes by itself.',
    args: { name: t.arg.string({ description: 'Null: all clusters.' }) },
    subscribe: (_root, { name }, { clusters }) => {
      if (name != null && clusters.get(name) === null) {
        throw fault('NOT_FOUND', `There is no cluster ${JSON.stringify(name)}`);
      }
      return new FeedStream(clusterStatusFeed(clusters, name ?? null));
    },
    resolve: (cluster) => cluster,
  }),
);

/** What lies between two positions are the clusters that have changed since, each as it is now. */
function clusterStatusFeed(clusters: Clusters, name: string | null): Feed<ClusterView> {
  const isMeant = (changed: string) => name === null || changed === name;
  return {
    newest: () => clusters.newestChange,
    open: async () => ({
      first: clusters
        .all()
        .filter(({ settings }) => isMeant(settings.name))
        .map(viewOf),
      position: clusters.newestChange,
      isOver: false,
    }),
    async *follow(after, signal) {
      let position = after;
      while (!signal.aborted) {
        const changed = clusters.changedSince(position).filter((change) => isMeant(change.name));
        position = clusters.newestChange;
        if (changed.length > 0) {
          const entries = changed.map((change) => ({
            position: change.number,
            value: clusterOfJob(clusters, change.name),
            // The next one to read from the same place may find it changed again.
            isOwn: true as const,
          }));
          yield { upTo: position, entries };
        } else {
          await clusters.nextChange(signal);
        }
      }
    },
  };
}
