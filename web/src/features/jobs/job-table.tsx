import ArrowDown from 'lucide-solid/icons/arrow-down';
import ArrowUp from 'lucide-solid/icons/arrow-up';
import { type Accessor, createEffect, createMemo, For, type JSX, Show } from 'solid-js';
import type { JobSection } from '../../graphql/job-section.ts';
import { createMediaQuery } from '../../lib/media.ts';
import { createPageWindow } from '../../lib/page-window.ts';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import type { JobsFilter, SortField } from './filter.ts';
import { JobTableRow } from './job-row.tsx';
import type { Selection } from './selection.ts';
import { MAX_ROWS } from './state.ts';

const HEADINGS: Readonly<Record<string, string>> = { active: 'Active', finished: 'Finished' };

/** How many columns are shown from each width on: what a cell that spans them all has to know. */
const COLUMNS = { phone: 4, medium: 6, large: 8, extraLarge: 9, widest: 10 } as const;

function createColumnCount(): Accessor<number> {
  const isMedium = createMediaQuery('(min-width: 48rem)');
  const isLarge = createMediaQuery('(min-width: 64rem)');
  const isExtraLarge = createMediaQuery('(min-width: 80rem)');
  const isWidest = createMediaQuery('(min-width: 96rem)');
  return () => {
    if (isWidest()) return COLUMNS.widest;
    if (isExtraLarge()) return COLUMNS.extraLarge;
    if (isLarge()) return COLUMNS.large;
    return isMedium() ? COLUMNS.medium : COLUMNS.phone;
  };
}

interface JobTableProps {
  readonly sections: readonly JobSection[];
  readonly filter: JobsFilter;
  readonly selection: Selection;
  onSort(field: SortField): void;
}

export function JobTable(props: JobTableProps): JSX.Element {
  const columns = createColumnCount();
  const rowCount = (): number => props.sections.reduce((sum, { list }) => sum + list.ids().length, 0);
  return (
    <table class="card w-full table-fixed border-separate border-spacing-0">
      <colgroup>
        <col class="w-9" />
        <col class="w-10 md:w-34" />
        <col />
        <col class="hidden w-36 xl:table-column" />
        <col class="hidden w-28 md:table-column" />
        <col class="hidden w-28 2xl:table-column" />
        <col class="hidden w-40 lg:table-column" />
        <col class="hidden w-28 md:table-column" />
        <col class="w-24 md:w-26" />
        <col class="hidden w-36 lg:table-column xl:w-44" />
      </colgroup>
      <thead>
        <tr>
          <th class="table-head p-0">
            <SelectAllBox selection={props.selection} />
          </th>
          <th class="table-head px-0 md:px-3">State</th>
          <SortableHead field="name" label="Name" {...props} />
          <th class="table-head hidden xl:table-cell">Project</th>
          <th class="table-head hidden md:table-cell">Cluster</th>
          <th class="table-head hidden 2xl:table-cell">Partition</th>
          <th class="table-head hidden lg:table-cell">Resources</th>
          <SortableHead field="submitted" label="Submitted" class="hidden md:table-cell" {...props} />
          <SortableHead field="elapsed" label="Elapsed" class="text-right" {...props} />
          <th class="table-head hidden lg:table-cell">Reason</th>
        </tr>
      </thead>
      <For each={props.sections}>
        {(section) => <Section section={section} columns={columns()} selection={props.selection} layout={rowCount} />}
      </For>
    </table>
  );
}

function SelectAllBox(props: { readonly selection: Selection }): JSX.Element {
  function follow(box: HTMLInputElement): void {
    createEffect(() => {
      box.indeterminate = props.selection.extent() === 'some';
      box.checked = props.selection.extent() === 'all';
    });
  }
  return (
    <label class="flex h-9 cursor-pointer items-center justify-center" title="Select all that are shown">
      <input
        ref={follow}
        type="checkbox"
        class="size-4 accent-accent"
        aria-label="Select all jobs that are shown"
        onChange={() => {
          if (props.selection.extent() === 'all') props.selection.keep([]);
          else props.selection.selectAll();
        }}
      />
    </label>
  );
}

interface SortableHeadProps extends JobTableProps {
  readonly field: SortField;
  readonly label: string;
  readonly class?: string;
}

function SortableHead(props: SortableHeadProps): JSX.Element {
  const order = (): 'ascending' | 'descending' | 'none' => {
    if (props.filter.sort !== props.field) return 'none';
    return props.filter.isDescending ? 'descending' : 'ascending';
  };
  return (
    <th class={`table-head ${props.class ?? ''}`} aria-sort={order()}>
      <button
        type="button"
        class="inline-flex items-center gap-1 rounded hover:text-ink"
        classList={{ 'text-ink': order() !== 'none' }}
        onClick={() => props.onSort(props.field)}
      >
        {props.label}
        <Show when={order() !== 'none'}>
          <Show when={order() === 'ascending'} fallback={<ArrowDown size={12} aria-hidden="true" />}>
            <ArrowUp size={12} aria-hidden="true" />
          </Show>
        </Show>
      </button>
    </th>
  );
}

interface SectionProps {
  readonly section: JobSection;
  readonly columns: number;
  readonly selection: Selection;
  /** Changes with the height of the sections above. */
  layout(): unknown;
}

/** One section's heading and rows, of which only those near the view are drawn. */
function Section(props: SectionProps): JSX.Element {
  const list = (): JobSection['list'] => props.section.list;
  const isPhone = (): boolean => props.columns === COLUMNS.phone;
  const rowHeight = (): number => (isPhone() ? 56 : 36);
  let anchor: HTMLElement | undefined;
  const range = createPageWindow(
    () => anchor,
    () => list().ids().length,
    rowHeight,
    () => props.layout(),
  );
  const drawn = createMemo(() => list().ids().slice(range().start, range().end));

  return (
    <tbody>
      <tr>
        <th
          colSpan={props.columns}
          scope="rowgroup"
          class="border-b border-line bg-raised px-3 py-1.5 text-left text-xs font-medium"
        >
          {HEADINGS[props.section.name]}{' '}
          <Show when={props.section.isLoaded()}>
            <span class="font-normal text-muted">{list().total().toLocaleString()}</span>
          </Show>
        </th>
      </tr>
      <Show when={props.section.fault()}>
        {(fault) => (
          <WholeRow columns={props.columns}>
            <div class="flex flex-wrap items-center gap-3 p-3">
              <Notice tone="bad">{fault()}</Notice>
              <button type="button" class="button" onClick={() => props.section.reload()}>
                Try again
              </button>
            </div>
          </WholeRow>
        )}
      </Show>
      <Show when={!props.section.isLoaded() && props.section.fault() === null}>
        <WholeRow columns={props.columns}>
          <Skeleton rows={4} />
        </WholeRow>
      </Show>
      <tr
        ref={(element) => {
          anchor = element;
        }}
        style={{ height: `${range().start * rowHeight()}px` }}
      />
      <For each={drawn()}>
        {(id) => (
          <Show when={list().get(id)}>
            {(job) => <JobTableRow job={job()} isPhone={isPhone()} selection={props.selection} />}
          </Show>
        )}
      </For>
      <tr style={{ height: `${(list().ids().length - range().start - drawn().length) * rowHeight()}px` }} />
      <Show when={list().hasMore()}>
        <WholeRow columns={props.columns}>
          <div class="p-2 text-center text-muted">
            <Show
              when={list().ids().length < MAX_ROWS}
              fallback={`The first ${MAX_ROWS.toLocaleString()} are shown. Filter to see the others.`}
            >
              <button
                type="button"
                class="button"
                disabled={props.section.isLoadingMore()}
                onClick={() => props.section.loadMore()}
              >
                Load more
              </button>
            </Show>
          </div>
        </WholeRow>
      </Show>
    </tbody>
  );
}

function WholeRow(props: { readonly columns: number; readonly children: JSX.Element }): JSX.Element {
  return (
    <tr>
      <td colSpan={props.columns}>{props.children}</td>
    </tr>
  );
}
