import { useLocation } from '@solidjs/router';
import { createEffect, For, type JSX, Match, onCleanup, Switch } from 'solid-js';
import { useClusters } from '../../graphql/clusters.ts';
import { clusterAnchor } from '../../lib/cluster-anchor.ts';
import { useTitle } from '../../lib/title.ts';
import { NoCluster } from '../../ui/no-cluster.tsx';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { ClusterCard } from './cluster-card.tsx';

export default function ClustersPage(): JSX.Element {
  const clusters = useClusters();
  const location = useLocation();
  let cards: HTMLElement | undefined;
  useTitle(() => 'Clusters');
  // The cards aren't there yet when the browser looks for the one that the address names, and those above it grow as
  // they are filled: it is kept in view until the person does something.
  createEffect(() => {
    const target = clusters.all.find(({ name }) => location.hash === `#${clusterAnchor(name)}`);
    if (target === undefined || cards === undefined) return;
    const anchor = clusterAnchor(target.name);
    const observer = new ResizeObserver(() => document.getElementById(anchor)?.scrollIntoView());
    observer.observe(cards);
    const acted = new AbortController();
    for (const type of ['wheel', 'touchstart', 'pointerdown', 'keydown']) {
      addEventListener(type, () => observer.disconnect(), { signal: acted.signal, passive: true });
    }
    onCleanup(() => {
      observer.disconnect();
      acted.abort();
    });
  });
  return (
    <div
      ref={(element) => {
        cards = element;
      }}
      class="space-y-4"
    >
      <h1>Clusters</h1>
      <Switch>
        <Match when={clusters.fault()}>{(fault) => <Notice tone="bad">{fault()}</Notice>}</Match>
        <Match when={!clusters.isLoaded()}>
          <Skeleton rows={6} />
        </Match>
        <Match when={clusters.all.length === 0}>
          <div class="card">
            <NoCluster />
          </div>
        </Match>
      </Switch>
      <For each={clusters.all}>{(cluster) => <ClusterCard cluster={cluster} />}</For>
    </div>
  );
}
