import { useLocation } from '@solidjs/router';
import { createEffect, For, type JSX, Match, Switch } from 'solid-js';
import { useClusters } from '../../graphql/clusters.ts';
import { useTitle } from '../../lib/title.ts';
import { EmptyState, Notice, Skeleton } from '../../ui/notice.tsx';
import { ClusterCard } from './cluster-card.tsx';

export default function ClustersPage(): JSX.Element {
  const clusters = useClusters();
  const location = useLocation();
  useTitle(() => 'Clusters');
  // The cards aren't there yet when the browser looks for the one that the address names.
  createEffect(() => {
    const name = decodeURIComponent(location.hash.slice(1));
    if (clusters.get(name) !== undefined) document.getElementById(name)?.scrollIntoView();
  });
  return (
    <div class="space-y-4">
      <h1>Clusters</h1>
      <Switch>
        <Match when={clusters.fault()}>{(fault) => <Notice tone="bad">{fault()}</Notice>}</Match>
        <Match when={!clusters.isLoaded()}>
          <Skeleton rows={6} />
        </Match>
        <Match when={clusters.all.length === 0}>
          <div class="card">
            <EmptyState title="No cluster is configured">
              <p>
                Add one to <code>clusters.yaml</code> on the server; it is read again when it changes.
              </p>
            </EmptyState>
          </div>
        </Match>
      </Switch>
      <For each={clusters.all}>{(cluster) => <ClusterCard cluster={cluster} />}</For>
    </div>
  );
}
