import { For, type JSX, Show } from 'solid-js';
import type { ClusterNode, GpuPool } from './operations.ts';
import { describeNode, describeSlices, noteOf } from './words.ts';

interface Used {
  readonly total: number;
  readonly allocated: number;
}

/** More GPUs than this are told as a number. */
const MAX_CELLS = 64;

/** Told apart by fill and border, not by colour alone. */
const CELLS = {
  allocated: 'border-transparent bg-tone tone-running',
  obtainable: 'border-tone bg-tone-soft tone-good',
  blocked: 'border-dashed border-tone tone-warning',
  unavailable: 'gpu-unavailable border-line-strong',
} as const;
type CellKind = keyof typeof CELLS;

export const TILE_LEGEND: readonly { readonly kind: CellKind; readonly label: string }[] = [
  { kind: 'allocated', label: 'allocated' },
  { kind: 'obtainable', label: 'free' },
  { kind: 'blocked', label: "idle, can't be had now" },
  { kind: 'unavailable', label: 'unavailable' },
];

export function NodeTile(props: { readonly node: ClusterNode; readonly pool: GpuPool | null }): JSX.Element {
  const words = (): string => describeNode(props.node, props.pool);
  return (
    <li class="min-w-0 rounded-md border border-line px-2 py-1.5 text-xs leading-4" title={words()}>
      <span class="sr-only">{words()}</span>
      <div class="space-y-1" aria-hidden="true">
        <p class="truncate font-medium">{props.node.name}</p>
        <Show when={props.pool}>{(pool) => <Cells pool={pool()} />}</Show>
        <Meter label="CPU" count={props.node.cpus} words={shareOfCpus(props.node.cpus)} />
        <Meter label="Mem" count={props.node.memoryMb} words={shareOfMemory(props.node.memoryMb)} />
        <Show when={describeSlices(props.node)}>{(slices) => <p class="truncate text-muted">{slices()}</p>}</Show>
        <Show when={noteOf(props.node)}>
          {(note) => (
            <p class={`line-clamp-2 wrap-anywhere ${props.node.isUsable ? 'text-muted' : 'tone-warning text-tone'}`}>
              {note()}
            </p>
          )}
        </Show>
      </div>
    </li>
  );
}

export function TileCell(props: { readonly kind: CellKind }): JSX.Element {
  return <span class={`size-2.5 rounded-xs border ${CELLS[props.kind]}`} />;
}

function Cells(props: { readonly pool: GpuPool }): JSX.Element {
  const kinds = (): readonly CellKind[] => {
    const { allocated, idle, unavailable, obtainable } = props.pool;
    const counts = [
      ['allocated', allocated],
      ['obtainable', obtainable],
      ['blocked', idle - obtainable],
      ['unavailable', unavailable],
    ] as const;
    return counts.flatMap(([kind, count]) => Array.from({ length: Math.min(count, MAX_CELLS) }, () => kind));
  };
  return (
    <span class="flex flex-wrap items-center gap-1">
      <For each={kinds().slice(0, MAX_CELLS)}>{(kind) => <TileCell kind={kind} />}</For>
      <Show when={props.pool.total > MAX_CELLS}>
        <span class="text-muted">of {props.pool.total.toLocaleString()}</span>
      </Show>
    </span>
  );
}

/** How much is given to jobs, as a number and as a bar. */
function Meter(props: { readonly label: string; readonly count: Used; readonly words: string }): JSX.Element {
  const share = (): number => (props.count.total === 0 ? 0 : (props.count.allocated / props.count.total) * 100);
  return (
    <div class="text-muted">
      <p class="flex justify-between gap-2 whitespace-nowrap">
        <span>{props.label}</span>
        <span>{props.words}</span>
      </p>
      <span class="block h-1 overflow-hidden rounded-full bg-raised">
        <span class="block h-full bg-tone tone-running" style={{ width: `${share()}%` }} />
      </span>
    </div>
  );
}

function shareOfCpus({ allocated, total }: Used): string {
  return `${allocated.toLocaleString()} / ${total.toLocaleString()}`;
}

/** In the unit of the whole, so that it fits into a tile: "0.1 / 31 GB". */
function shareOfMemory({ allocated, total }: Used): string {
  const [factor, unit] = total < 1_024 ? ([1, 'MB'] as const) : ([1_024, 'GB'] as const);
  const round = (megabytes: number): string => {
    const value = megabytes / factor;
    return Number(value.toFixed(value < 10 ? 1 : 0)).toLocaleString();
  };
  return `${round(allocated)} / ${round(total)} ${unit}`;
}
