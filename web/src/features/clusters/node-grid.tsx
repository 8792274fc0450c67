import { For, type JSX, Show } from 'solid-js';
import type { GpuAvailability, GpuPool, NodeGpus } from './operations.ts';

/** The most nodes that are drawn of one GPU type. */
const MAX_NODES = 400;

const CELLS = {
  allocated: 'border-transparent bg-tone tone-running',
  idle: 'border-tone bg-tone-soft tone-good',
  unavailable: 'gpu-unavailable border-line-strong',
} as const;
type CellKind = keyof typeof CELLS;

const LEGEND: readonly (readonly [CellKind, string])[] = [
  ['allocated', 'allocated'],
  ['idle', 'free'],
  ['unavailable', 'unavailable'],
];

/** Every GPU of a cluster as a cell, by type and node. */
export function GpuGrid(props: { readonly availability: GpuAvailability }): JSX.Element {
  return (
    <div class="space-y-5">
      <For each={props.availability.pools}>
        {(pool) => <GpuType pool={pool} nodes={nodesWith(props.availability.nodes, pool.gpuType)} />}
      </For>
      <ul class="flex flex-wrap gap-4 text-xs text-muted" aria-hidden="true">
        <For each={LEGEND}>
          {([kind, label]) => (
            <li class="flex items-center gap-1.5">
              <Cell kind={kind} /> {label}
            </li>
          )}
        </For>
      </ul>
    </div>
  );
}

interface NodePool {
  readonly node: NodeGpus;
  readonly pool: GpuPool;
}

function nodesWith(nodes: readonly NodeGpus[], gpuType: string): readonly NodePool[] {
  return nodes.flatMap((node) => node.pools.filter((pool) => pool.gpuType === gpuType).map((pool) => ({ node, pool })));
}

function GpuType(props: { readonly pool: GpuPool; readonly nodes: readonly NodePool[] }): JSX.Element {
  return (
    <section>
      <h4 class="mb-2 flex flex-wrap items-baseline gap-x-3">
        <span class="font-semibold">{props.pool.gpuType || 'untyped'}</span>
        <span class="text-muted">{describePool(props.pool)}</span>
      </h4>
      <ul class="flex flex-wrap gap-2">
        <For each={props.nodes.slice(0, MAX_NODES)}>{(entry) => <NodeCells {...entry} />}</For>
      </ul>
      <Show when={props.nodes.length > MAX_NODES}>
        <p class="mt-2 text-muted">and {(props.nodes.length - MAX_NODES).toLocaleString()} more nodes</p>
      </Show>
    </section>
  );
}

function NodeCells(props: NodePool): JSX.Element {
  const words = (): string => {
    const { node, state, reason, partitions } = props.node;
    const cause = reason === null ? '' : ` (${reason})`;
    return `${node}: ${describePool(props.pool)}. ${state}${cause}. Partitions: ${partitions.join(', ')}`;
  };
  const cells = (): readonly CellKind[] =>
    LEGEND.flatMap(([kind]) => Array.from({ length: props.pool[kind] }, () => kind));
  return (
    <li class="rounded-md border border-line px-2 py-1.5" title={words()}>
      <span class="sr-only">{words()}</span>
      <span class="mb-1 block text-xs leading-4 text-muted" aria-hidden="true">
        {props.node.node}
      </span>
      <span class="flex max-w-28 flex-wrap gap-1" aria-hidden="true">
        <For each={cells()}>{(kind) => <Cell kind={kind} />}</For>
      </span>
    </li>
  );
}

function Cell(props: { readonly kind: CellKind }): JSX.Element {
  return <span class={`size-2.5 rounded-xs border ${CELLS[props.kind]}`} />;
}

function describePool({ total, allocated, idle, unavailable }: GpuPool): string {
  const parts = [`${idle} of ${total} free`, `${allocated} allocated`];
  if (unavailable > 0) parts.push(`${unavailable} unavailable`);
  return parts.join(', ');
}
