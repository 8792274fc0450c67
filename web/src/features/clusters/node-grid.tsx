import { createMemo, For, type JSX, Show } from 'solid-js';
import { NodeTile, TILE_LEGEND, TileCell } from './node-tile.tsx';
import type { ClusterNode, GpuAvailability, GpuPool } from './operations.ts';
import { describePool, describeSlices } from './words.ts';

/** The most nodes that are drawn of one GPU type. */
const MAX_NODES = 400;

interface NodePool {
  readonly node: ClusterNode;
  /** Null: the node has no GPUs. */
  readonly pool: GpuPool | null;
}

/** Every node of a cluster by GPU type, with every GPU as a cell; a node with two types stands in both. */
export function NodeGrid(props: {
  readonly availability: GpuAvailability;
  readonly nodes: readonly ClusterNode[];
}): JSX.Element {
  const byType = createMemo(() => {
    const groups = new Map<string, NodePool[]>(props.availability.pools.map(({ gpuType }) => [gpuType, []]));
    for (const node of props.nodes) for (const pool of node.gpus) groups.get(pool.gpuType)?.push({ node, pool });
    return groups;
  });
  const plain = createMemo(() =>
    props.nodes.flatMap((node): NodePool[] => (node.gpus.length === 0 ? [{ node, pool: null }] : [])),
  );
  const slicesOf = (gpuType: string): string =>
    describeSlices({
      shards: props.availability.shards.filter((pool) => pool.gpuType === gpuType),
      mps: props.availability.mps.filter((pool) => pool.gpuType === gpuType),
    });
  return (
    <div class="space-y-5">
      <ul class="flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted" aria-hidden="true">
        <For each={TILE_LEGEND}>
          {(entry) => (
            <li class="flex items-center gap-1.5">
              <TileCell kind={entry.kind} /> {entry.label}
            </li>
          )}
        </For>
      </ul>
      <Show when={props.availability.pools.length === 0}>
        <p class="text-muted">This cluster has no GPUs.</p>
      </Show>
      <For each={props.availability.pools}>
        {(pool) => (
          <Group
            title={pool.gpuType || 'untyped GPUs'}
            summary={[describePool(pool), slicesOf(pool.gpuType)].filter(Boolean).join(' · ')}
            entries={byType().get(pool.gpuType) ?? []}
          />
        )}
      </For>
      <Show when={plain().length > 0}>
        <Group
          title="No GPUs"
          summary={`${plain().length.toLocaleString()} ${plain().length === 1 ? 'node' : 'nodes'}`}
          entries={plain()}
        />
      </Show>
    </div>
  );
}

function Group(props: {
  readonly title: string;
  readonly summary: string;
  readonly entries: readonly NodePool[];
}): JSX.Element {
  return (
    <section>
      <h4 class="mb-2 flex flex-wrap items-baseline gap-x-3">
        <span class="font-semibold wrap-anywhere">{props.title}</span>
        <span class="text-muted">{props.summary}</span>
      </h4>
      <ul class="grid grid-cols-[repeat(auto-fill,minmax(8.5rem,1fr))] gap-2">
        <For each={props.entries.slice(0, MAX_NODES)}>{(entry) => <NodeTile {...entry} />}</For>
      </ul>
      <Show when={props.entries.length > MAX_NODES}>
        <p class="mt-2 text-muted">and {(props.entries.length - MAX_NODES).toLocaleString()} more nodes</p>
      </Show>
    </section>
  );
}
