import { A } from '@solidjs/router';
import RefreshCw from 'lucide-solid/icons/refresh-cw';
import { type JSX, Show, untrack } from 'solid-js';
import { type ClusterHealth, useClusters } from '../../graphql/clusters.ts';
import { clusterAnchor } from '../../lib/cluster-anchor.ts';
import { CLUSTER_STATUSES } from '../../lib/cluster-status.ts';
import { ClusterBadge } from '../../ui/cluster-badge.tsx';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Load } from './load-table.tsx';
import { createLogin } from './login.ts';
import { LoginDialog } from './login-dialog.tsx';
import { NodeGrid } from './node-grid.tsx';
import { PartitionTable } from './partition-table.tsx';
import { createInventory, type Inventory } from './state.ts';
import { TestButton } from './test-dialog.tsx';

/** One cluster: how it is, what it offers, and where its GPUs are free. */
export function ClusterCard(props: { readonly cluster: ClusterHealth }): JSX.Element {
  const clusters = useClusters();
  const inventory = createInventory(
    untrack(() => props.cluster.name),
    () => props.cluster.status,
  );
  return (
    <section class="card scroll-mt-16" id={clusterAnchor(props.cluster.name)} aria-label={props.cluster.name}>
      <Health cluster={props.cluster} />
      {/* What the cluster as a whole can't do, its status message says already. */}
      <Show when={props.cluster.statusMessage === null && inventory.fault()}>
        {(fault) => (
          <div class="px-4 pb-4">
            <Notice tone="bad">{fault()}</Notice>
          </div>
        )}
      </Show>
      <Partitions cluster={props.cluster.name} inventory={inventory} />
      <Nodes inventory={inventory} />
      <Show when={clusters.may('SEE_LOAD')}>
        <Load cluster={props.cluster.name} />
      </Show>
    </section>
  );
}

function Health(props: { readonly cluster: ClusterHealth }): JSX.Element {
  const clusters = useClusters();
  const login = createLogin(() => props.cluster);
  const canConnect = (): boolean =>
    clusters.may('CONNECT_CLUSTERS') && ['UNREACHABLE', 'AUTH_REQUIRED', 'DEGRADED'].includes(props.cluster.status);
  const canLogIn = (): boolean => props.cluster.status === 'AUTH_REQUIRED' && props.cluster.loginAsksPerson;

  return (
    <header class="space-y-3 p-4">
      <div class="flex flex-wrap items-center gap-3">
        <h2 class="min-w-0 text-base wrap-anywhere">{props.cluster.name}</h2>
        <ClusterBadge status={props.cluster.status} />
        <div class="ml-auto flex gap-2">
          <Show when={clusters.may('CHECK_CLUSTERS')}>
            <TestButton cluster={props.cluster.name} />
          </Show>
          <Show when={canConnect()}>
            <button
              type="button"
              class={`button ${canLogIn() ? 'button-primary' : ''}`}
              disabled={login.isConnecting()}
              onClick={() => (canLogIn() ? login.open() : login.connect())}
            >
              {canLogIn() ? 'Log in' : 'Connect now'}
            </button>
          </Show>
        </div>
        <LoginDialog cluster={props.cluster.name} login={login} />
      </div>
      <dl class="flex flex-wrap gap-x-6 gap-y-1 text-muted [&_dd]:text-ink [&>div]:flex [&>div]:gap-1.5">
        <div>
          <dt>Host</dt>
          <dd class="wrap-anywhere">{props.cluster.host}</dd>
        </div>
        <div>
          <dt>Polled</dt>
          <dd>
            <Show
              when={props.cluster.lastPolledAt}
              fallback={props.cluster.activeJobCount === 0 ? 'no jobs to watch' : 'not yet'}
            >
              {(at) => <RelativeTime at={at()} />}
            </Show>
          </dd>
        </div>
        <Show when={props.cluster.slurmVersion}>
          {(version) => (
            <div>
              <dt>Slurm</dt>
              <dd>{version()}</dd>
            </div>
          )}
        </Show>
        <div>
          <dt>Active jobs</dt>
          <dd>
            <A href={`/?state=active&cluster=${encodeURIComponent(props.cluster.name)}`} class="link">
              {props.cluster.activeJobCount.toLocaleString()}
            </A>
          </dd>
        </div>
      </dl>
      <Show when={props.cluster.statusMessage}>
        {(message) => <Notice tone={CLUSTER_STATUSES[props.cluster.status].tone}>{message()}</Notice>}
      </Show>
    </header>
  );
}

function Partitions(props: { readonly cluster: string; readonly inventory: Inventory }): JSX.Element {
  return (
    <Show when={props.inventory.partitions()} fallback={props.inventory.isLoading() && <Skeleton rows={3} />}>
      {(partitions) => (
        <div class="border-t border-line p-1">
          <PartitionTable cluster={props.cluster} partitions={partitions()} />
        </div>
      )}
    </Show>
  );
}

function Nodes(props: { readonly inventory: Inventory }): JSX.Element {
  return (
    <Show when={props.inventory.gpus()}>
      {(gpus) => (
        <div class="border-t border-line p-4">
          <div class="mb-3 flex flex-wrap items-center gap-x-3 gap-y-1">
            <h3 class="font-semibold">GPUs and nodes</h3>
            <span class="text-xs text-muted">
              as of <RelativeTime at={gpus().fetchedAt} />
              <Show when={gpus().isStale}>
                <span class="tone-warning ml-2 text-tone">out of date: a refresh failed or is under way</span>
              </Show>
            </span>
            <button
              type="button"
              class="button button-quiet ml-auto"
              disabled={props.inventory.isLoading()}
              onClick={() => props.inventory.refresh()}
            >
              <RefreshCw size={14} aria-hidden="true" /> Refresh
            </button>
          </div>
          <NodeGrid availability={gpus()} nodes={props.inventory.nodes() ?? []} />
        </div>
      )}
    </Show>
  );
}
