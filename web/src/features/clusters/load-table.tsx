import { createMemo, createSignal, For, type JSX, Show, untrack } from 'solid-js';
import { formatExact } from '../../lib/time.ts';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { createLoad, type LoadRow, loadRows } from './load.ts';
import type { LoadWindow } from './operations.ts';

/** What this server asks of a cluster: whoever runs the cluster may want to know. Asked for once it is opened. */
export function Load(props: { readonly cluster: string }): JSX.Element {
  const [isOpen, setIsOpen] = createSignal(false);
  return (
    <details class="border-t border-line" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary class="px-4 py-3 font-semibold">Load from this server</summary>
      <Show when={isOpen()}>
        <Figures cluster={props.cluster} />
      </Show>
    </details>
  );
}

function Figures(props: { readonly cluster: string }): JSX.Element {
  const load = createLoad(untrack(() => props.cluster));
  return (
    <div class="px-4 pb-4">
      <Show when={load.fault()}>{(fault) => <Notice tone="bad">{fault()}</Notice>}</Show>
      <Show when={load.value()} fallback={load.fault() === null && <Skeleton rows={3} />}>
        {(value) => <Table hour={value().hour} day={value().day} />}
      </Show>
    </div>
  );
}

const NUMBER = 'py-1 pl-2 text-right whitespace-nowrap sm:pl-6';

function Table(props: { readonly hour: LoadWindow; readonly day: LoadWindow }): JSX.Element {
  const rows = createMemo(() => loadRows(props.hour, props.day));
  return (
    <table class="w-full max-w-xl">
      <thead class="text-xs text-muted">
        <tr>
          <td />
          <th scope="colgroup" colSpan={2} class={`${NUMBER} font-medium`} title={sinceOf(props.hour)}>
            This hour
          </th>
          <th scope="colgroup" colSpan={2} class={`${NUMBER} font-medium`} title={sinceOf(props.day)}>
            This day
          </th>
        </tr>
      </thead>
      <tbody>
        <For each={rows()}>{(row) => <Row {...row} />}</For>
        <Row
          label="Logins"
          note="Attempts to log in"
          hour={{ count: props.hour.logins, seconds: null }}
          day={{ count: props.day.logins, seconds: null }}
        />
      </tbody>
      <tfoot class="font-medium [&_td]:border-t [&_td]:border-line [&_th]:border-t [&_th]:border-line">
        <Row label="All commands" note={null} hour={totalOf(props.hour)} day={totalOf(props.day)} />
      </tfoot>
    </table>
  );
}

function Row(props: LoadRow): JSX.Element {
  return (
    <tr>
      <th scope="row" class="py-1 text-left font-normal">
        {props.label}
        <Show when={props.note}>
          <span class="ml-2 text-xs text-muted max-sm:hidden">{props.note}</span>
        </Show>
      </th>
      <For each={[props.hour, props.day]}>
        {(figures) => (
          <>
            <td class={NUMBER}>{figures.count.toLocaleString()}</td>
            <td class={`${NUMBER} text-muted`}>{figures.seconds === null ? '' : `${figures.seconds.toFixed(1)} s`}</td>
          </>
        )}
      </For>
    </tr>
  );
}

function totalOf({ commands, seconds }: LoadWindow): LoadRow['hour'] {
  return { count: commands.reduce((sum, { count }) => sum + count, 0), seconds };
}

function sinceOf({ since }: LoadWindow): string {
  return `Since ${formatExact(Date.parse(since))}`;
}
