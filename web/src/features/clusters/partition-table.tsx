import { For, type JSX } from 'solid-js';
import { formatMinutes } from '../../lib/duration.ts';
import type { Partition } from './operations.ts';

export function PartitionTable(props: {
  readonly cluster: string;
  readonly partitions: readonly Partition[];
}): JSX.Element {
  return (
    <section class="overflow-x-auto" tabindex="0" aria-label={`Partitions of ${props.cluster}`}>
      <table class="w-full">
        <thead>
          <tr>
            <th class="table-head">Partition</th>
            <th class="table-head">State</th>
            <th class="table-head text-right">Nodes</th>
            <th class="table-head text-right">CPUs free</th>
            <th class="table-head">GPUs free</th>
            <th class="table-head">Time limit</th>
          </tr>
        </thead>
        <tbody>
          <For each={props.partitions}>
            {(partition) => (
              <tr class="border-b border-line last:border-0">
                <td class="table-cell whitespace-nowrap">
                  <span class="font-medium">{partition.name}</span>
                  {partition.isDefault && <span class="ml-2 text-xs text-muted">default</span>}
                </td>
                <td class="table-cell whitespace-nowrap">
                  {partition.state ?? <span class="text-muted">not known</span>}
                </td>
                <td class="table-cell text-right">{partition.nodeCount?.toLocaleString()}</td>
                <td class="table-cell text-right whitespace-nowrap">{share(partition.cpus)}</td>
                <td class="table-cell whitespace-nowrap">
                  {partition.gpus
                    ?.map(
                      ({ gpuType, obtainable, total }) => `${share({ idle: obtainable, total })} ${gpuType || 'GPU'}`,
                    )
                    .join(' · ')}
                </td>
                <td class="table-cell whitespace-nowrap">
                  {partition.timeLimitSeconds === null ? (
                    <span class="text-muted">none</span>
                  ) : (
                    formatMinutes(Math.floor(partition.timeLimitSeconds / 60))
                  )}
                </td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </section>
  );
}

function share(count: { readonly idle: number; readonly total: number } | null): string {
  return count === null ? '' : `${count.idle.toLocaleString()} / ${count.total.toLocaleString()}`;
}
