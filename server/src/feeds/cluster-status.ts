import { type Clusters, type ClusterView, clusterOfJob, viewOf } from '../clusters/index.ts';
import type { Feed } from './feed.ts';

/**
 * The health of one cluster, or of all (`name` null). Between two positions lie the clusters that have changed, each once
 * and as it is now, so no position is too old. Positions start anew with the server: a reader from before that opens the
 * feed again.
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
        if (position === clusters.newestChange) {
          await clusters.nextChange(signal);
          continue;
        }
        const changed = clusters.changedSince(position).filter((change) => isMeant(change.name));
        position = clusters.newestChange;
        const entries = changed.map((change) => ({
          position: change.number,
          value: clusterOfJob(clusters, change.name),
          // The next one to read from the same place may find it changed again.
          isOwn: true as const,
        }));
        yield { upTo: position, entries };
      }
    },
  };
}
