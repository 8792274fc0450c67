import { type Clusters, type ClusterView, viewOf } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { fault } from '../errors.ts';
import { untilReturned } from '../stream.ts';
import { ClusterRef } from './types.ts';

builder.subscriptionField('clusterStatus', (t) =>
  t.field({
    type: ClusterRef,
    description: 'Connection and poller health of one cluster, or of all: as it is now, then at each change.',
    args: { name: t.arg.string({ description: 'Null: all clusters.' }) },
    subscribe: (_root, { name }, { clusters }) => {
      if (name != null && clusters.get(name) === null) {
        throw fault('NOT_FOUND', `There is no cluster ${JSON.stringify(name)}`);
      }
      return untilReturned((signal) => clusterChanges(clusters, name ?? null, signal));
    },
    resolve: (cluster) => cluster,
  }),
);

async function* clusterChanges(
  clusters: Clusters,
  name: string | null,
  signal: AbortSignal,
): AsyncGenerator<ClusterView, void, undefined> {
  const told = new Map<string, number>();
  while (!signal.aborted) {
    const news = clusters
      .all()
      .filter(
        ({ settings, revision }) => (name === null || settings.name === name) && told.get(settings.name) !== revision,
      );
    for (const cluster of news) {
      told.set(cluster.settings.name, cluster.revision);
      yield viewOf(cluster);
    }
    // Something may have changed while the subscriber took its time with the news.
    if (news.length === 0) await clusters.nextChange(signal);
  }
}
