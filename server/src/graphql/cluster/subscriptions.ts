import { type Cluster, type Clusters, type ClusterView, clusterOfJob, viewOf } from '../../clusters/index.ts';
import { builder } from '../builder.ts';
import { fault } from '../errors.ts';
import { untilReturned } from '../stream.ts';
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
  const told = new Map<string, { readonly cluster: Cluster; readonly revision: number }>();
  while (!signal.aborted) {
    const current = clusters.all().filter(({ settings }) => name === null || settings.name === name);
    const news = current.filter((cluster) => {
      const last = told.get(cluster.settings.name);
      return last?.cluster !== cluster || last.revision !== cluster.revision;
    });
    const removed = [...told.keys()].filter((known) => clusters.get(known) === null);
    for (const cluster of news) {
      told.set(cluster.settings.name, { cluster, revision: cluster.revision });
      yield viewOf(cluster);
    }
    for (const gone of removed) {
      told.delete(gone);
      yield clusterOfJob(clusters, gone);
    }
    // Something may have changed while the subscriber took its time with the news.
    if (news.length + removed.length === 0) await clusters.nextChange(signal);
  }
}
