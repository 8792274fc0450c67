import { A, useSearchParams } from '@solidjs/router';
import { createMemo, type JSX, Match, Show, Switch } from 'solid-js';
import { useApi } from '../../graphql/api.ts';
import { useClusters } from '../../graphql/clusters.ts';
import type { JobRow } from '../../graphql/job-row.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useTitle } from '../../lib/title.ts';
import { NoCluster } from '../../ui/no-cluster.tsx';
import { EmptyState } from '../../ui/notice.tsx';
import { BulkBar } from './bulk-bar.tsx';
import { type JobsParameters, nextSort, readFilter, type SortField } from './filter.ts';
import { FilterBar } from './filter-bar.tsx';
import { JobTable } from './job-table.tsx';
import { createSelection } from './selection.ts';
import { createJobsView } from './state.ts';

export default function JobsPage(): JSX.Element {
  const [parameters, setParameters] = useSearchParams<JobsParameters>();
  const filter = createMemo(() => readFilter(parameters));
  const sections = createJobsView(useApi(), filter);
  const isEmpty = (): boolean => sections().every((section) => section.isLoaded() && section.list.total() === 0);
  const selection = createSelection(() => sections().flatMap(({ list }) => list.ids()));
  const jobOf = (id: string): JobRow | undefined => {
    for (const { list } of sections()) {
      const job = list.get(id);
      if (job !== undefined) return job;
    }
    return undefined;
  };
  let table: HTMLDivElement | undefined;

  useTitle(() => 'Jobs');
  useShortcuts([
    { key: 'j', label: 'Next job', run: () => moveFocus(1) },
    { key: 'k', label: 'Previous job', run: () => moveFocus(-1) },
    { key: 'Enter', label: 'Open the job' },
    { key: 'x', label: 'Select the job', run: () => onFocusedJob(selection.toggle) },
    { key: 'X', label: 'Select the jobs up to this one', run: () => onFocusedJob(selection.extendTo) },
  ]);

  let lastFocusedId: string | undefined;

  /** The row that has the focus, or had it before it went nowhere, as with a button that is gone. */
  function focusedRow(): HTMLElement | undefined {
    const { activeElement } = document;
    const within = activeElement?.closest<HTMLElement>('[data-job-id]') ?? undefined;
    if (within !== undefined || activeElement !== document.body) return within;
    return rows().find((row) => row.dataset['jobId'] === lastFocusedId);
  }
  function rows(): HTMLElement[] {
    return [...(table?.querySelectorAll<HTMLElement>('[data-job-id]') ?? [])];
  }
  function onFocusedJob(act: (id: string) => void): void {
    const id = focusedRow()?.dataset['jobId'];
    if (id !== undefined) act(id);
  }
  /** From the row that has the focus; without one, to the first that is drawn. */
  function moveFocus(step: number): void {
    const all = rows();
    const current = focusedRow();
    const next = current === undefined ? all[0] : all[all.indexOf(current) + step];
    next?.querySelector('a')?.focus();
  }

  function sort(field: SortField): void {
    setParameters({ sort: nextSort(filter(), field) });
  }

  return (
    <div class="space-y-4" classList={{ 'pb-28': selection.ids().length > 0 }}>
      <h1 class="sr-only">Jobs</h1>
      <FilterBar filter={filter()} onChange={(changes) => setParameters(changes, { replace: true })} />
      <div
        ref={(element) => {
          table = element;
        }}
        onFocusIn={() => {
          lastFocusedId = focusedRow()?.dataset['jobId'];
        }}
      >
        <Show
          when={isEmpty()}
          fallback={<JobTable sections={sections()} filter={filter()} selection={selection} onSort={sort} />}
        >
          <NoJobs
            parameters={parameters}
            onClear={() => setParameters({ q: '', state: '', cluster: '', project: '', tag: [] })}
          />
        </Show>
      </div>
      <BulkBar selection={selection} isArchive={filter().group === 'archived'} jobOf={jobOf} />
    </div>
  );
}

function NoJobs(props: { readonly parameters: JobsParameters; onClear(): void }): JSX.Element {
  const clusters = useClusters();
  const isFiltered = (): boolean => {
    const { q, state, cluster, project, tag } = props.parameters;
    return [q, state, cluster, project, tag].some((value) => value !== undefined && value !== '');
  };
  return (
    <div class="card">
      <Switch
        fallback={
          <EmptyState title="No jobs">
            <p>Add a git project, then launch a command from it on a cluster. Archived jobs are not listed here.</p>
            <div class="flex gap-2">
              <A href="/projects" class="button">
                Projects
              </A>
              <Show when={clusters.may('CHANGE_JOBS')}>
                <A href="/launch" class="button button-primary">
                  Launch a job
                </A>
              </Show>
            </div>
          </EmptyState>
        }
      >
        <Match when={isFiltered()}>
          <EmptyState title={props.parameters.state === 'archived' ? 'No archived job matches' : 'No job matches'}>
            <button type="button" class="button" onClick={() => props.onClear()}>
              Show all jobs
            </button>
          </EmptyState>
        </Match>
        <Match when={clusters.isLoaded() && clusters.all.length === 0 && clusters.fault() === null}>
          <NoCluster />
        </Match>
      </Switch>
    </div>
  );
}
