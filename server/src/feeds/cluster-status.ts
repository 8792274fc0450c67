import { type Clusters, type ClusterView, clusterOfJob, viewOf } from '../clusters/index.ts';
import type { Feed } from './feed.ts';

/**
 * How one cluster is, or all of them (`name` null). What lies between two positions are the clusters that have changed
 * since, each as it is now.
 */
export function clusterStatusFeed(clusters: Clusters, name: string | null): Feed<ClusterView> {
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
