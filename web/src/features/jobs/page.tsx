import { A, useSearchParams } from '@solidjs/router';
import { createMemo, type JSX, Match, Show, Switch } from 'solid-js';
import { useApi } from '../../graphql/api.ts';
import { useClusters } from '../../graphql/clusters.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useTitle } from '../../lib/title.ts';
import { EmptyState } from '../../ui/notice.tsx';
import { type JobsParameters, nextSort, readFilter, type SortField } from './filter.ts';
import { FilterBar } from './filter-bar.tsx';
import { JobTable } from './job-table.tsx';
import { createJobsView } from './state.ts';

export default function JobsPage(): JSX.Element {
  const [parameters, setParameters] = useSearchParams<JobsParameters>();
  const filter = createMemo(() => readFilter(parameters));
  const sections = createJobsView(useApi(), filter);
  const isEmpty = (): boolean => sections().every((section) => section.isLoaded() && section.list.total() === 0);
  let table: HTMLDivElement | undefined;

  useTitle(() => 'Jobs');
  useShortcuts([
    { key: 'j', label: 'Next job', run: () => moveFocus(1) },
    { key: 'k', label: 'Previous job', run: () => moveFocus(-1) },
    { key: 'Enter', label: 'Open the job' },
  ]);

  function focusedRow(): Element | null {
    return document.activeElement?.closest('[data-job-id]') ?? null;
  }
  /** From the row that has the focus; without one, to the first that is drawn. */
  function moveFocus(step: number): void {
    const rows = [...(table?.querySelectorAll('[data-job-id]') ?? [])];
    const current = focusedRow();
    const next = current === null ? rows[0] : rows[rows.indexOf(current) + step];
    next?.querySelector('a')?.focus();
  }

  function sort(field: SortField): void {
    setParameters({ sort: nextSort(filter(), field) });
  }

  return (
    <div class="space-y-4">
      <h1 class="sr-only">Jobs</h1>
      <FilterBar filter={filter()} onChange={(changes) => setParameters(changes, { replace: true })} />
      <div
        ref={(element) => {
          table = element;
        }}
      >
        <Show when={isEmpty()} fallback={<JobTable sections={sections()} filter={filter()} onSort={sort} />}>
          <NoJobs
            parameters={parameters}
            onClear={() => setParameters({ q: '', state: '', cluster: '', project: '' })}
          />
        </Show>
      </div>
    </div>
  );
}

function NoJobs(props: { readonly parameters: JobsParameters; onClear(): void }): JSX.Element {
  const clusters = useClusters();
  const isFiltered = (): boolean => {
    const { q, state, cluster, project } = props.parameters;
    return [q, state, cluster, project].some((value) => value !== undefined && value !== '');
  };
  return (
    <div class="card">
      <Switch
        fallback={
          <EmptyState title="No jobs yet">
            <p>Add a git project, then launch a command of it on a cluster.</p>
            <div class="flex gap-2">
              <A href="/projects" class="button">
                Projects
              </A>
              <A href="/launch" class="button button-primary">
                Launch a job
              </A>
            </div>
          </EmptyState>
        }
      >
        <Match when={isFiltered()}>
          <EmptyState title="No job matches">
            <button type="button" class="button" onClick={() => props.onClear()}>
              Show all jobs
            </button>
          </EmptyState>
        </Match>
        <Match when={clusters.isLoaded() && clusters.all.length === 0 && clusters.fault() === null}>
          <EmptyState title="No cluster is configured">
            <p>
              Add one to <code>clusters.yaml</code> on the server; it is read again when it changes.
            </p>
          </EmptyState>
        </Match>
      </Switch>
    </div>
  );
}
