import { A } from '@solidjs/router';
import { For, type JSX, Show } from 'solid-js';
import { type ClusterHealth, useClusters } from '../../graphql/clusters.ts';
import { useNow } from '../../lib/clock.ts';
import { clusterAnchor } from '../../lib/cluster-anchor.ts';
import { CLUSTER_STATUSES } from '../../lib/cluster-status.ts';
import { formatRelative } from '../../lib/time.ts';
import { TONE_CLASS } from '../../ui/tone.ts';

const MAX_SHOWN = 6;

/** How fresh what is shown of each cluster is: a dot each, that leads to the cluster. */
export function ClusterDots(): JSX.Element {
  const clusters = useClusters();
  return (
    <ul class="flex items-center gap-1" aria-label="Freshness">
      <For each={clusters.all.slice(0, MAX_SHOWN)}>{(cluster) => <ClusterDot cluster={cluster} />}</For>
    </ul>
  );
}

function ClusterDot(props: { readonly cluster: ClusterHealth }): JSX.Element {
  const now = useNow();
  const words = (): string => {
    const { name, status, lastPolledAt } = props.cluster;
    const polled =
      lastPolledAt === null ? 'not polled yet' : `polled ${formatRelative(Date.parse(lastPolledAt), now())}`;
    const waiting = props.cluster.loginPrompt === null ? '' : ', waits for you to log in';
    return `${name}: ${CLUSTER_STATUSES[status].label.toLowerCase()}${waiting}, ${polled}`;
  };
  return (
    <li>
      <A
        href={`/clusters#${clusterAnchor(props.cluster.name)}`}
        class={`flex h-7 items-center gap-1.5 rounded-md px-1.5 text-xs text-muted hover:bg-raised ${TONE_CLASS[CLUSTER_STATUSES[props.cluster.status].tone]}`}
        title={words()}
        // Where the address names it already, the router does nothing.
        onClick={() => document.getElementById(clusterAnchor(props.cluster.name))?.scrollIntoView()}
        aria-label={words()}
      >
        <span class="size-2 shrink-0 rounded-full bg-tone" aria-hidden="true" />
        <span class="hidden max-w-32 truncate lg:inline" aria-hidden="true">
          {props.cluster.name}
        </span>
        <Show when={props.cluster.loginPrompt}>
          <span class="font-medium text-tone" aria-hidden="true">
            log in
          </span>
        </Show>
      </A>
    </li>
  );
}
