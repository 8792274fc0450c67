import { A } from '@solidjs/router';
import { createMemo, For, type JSX, Show, untrack } from 'solid-js';
import { useApi } from '../../graphql/api.ts';
import { isStale, useClusters } from '../../graphql/clusters.ts';
import type { JobSection } from '../../graphql/job-section.ts';
import { describeOutcome } from '../../lib/job-text.ts';
import { createPageWindow } from '../../lib/page-window.ts';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { Elapsed } from '../../ui/time.tsx';
import { createLiveTasks, MAX_TASKS } from './state.ts';

const ROW_HEIGHT = 36;

/** The tasks of an array, each with a link to its page. */
export function TaskTable(props: { readonly jobId: string }): JSX.Element {
  const tasks = createLiveTasks(
    useApi(),
    untrack(() => props.jobId),
  );
  return <Show when={tasks()}>{(section) => <Tasks section={section()} />}</Show>;
}

function Tasks(props: { readonly section: JobSection }): JSX.Element {
  const list = (): JobSection['list'] => props.section.list;
  const clusters = useClusters();
  let anchor: HTMLElement | undefined;
  const range = createPageWindow(
    () => anchor,
    () => list().ids().length,
    () => ROW_HEIGHT,
    () => props.section.isLoaded(),
  );
  const drawn = createMemo(() => list().ids().slice(range().start, range().end));
  return (
    <section class="card overflow-hidden" aria-label="Tasks">
      <Show when={props.section.fault()}>{(fault) => <Notice tone="bad">{fault()}</Notice>}</Show>
      <Show when={props.section.isLoaded()} fallback={<Skeleton rows={6} />}>
        <table class="w-full table-fixed border-separate border-spacing-0">
          <colgroup>
            <col class="w-20" />
            <col class="w-36" />
            <col class="hidden sm:table-column" />
            <col class="hidden sm:table-column" />
            <col class="w-26" />
          </colgroup>
          <thead>
            <tr>
              <th class="table-head">Task</th>
              <th class="table-head">State</th>
              <th class="table-head hidden sm:table-cell">Node</th>
              <th class="table-head hidden sm:table-cell">Reason</th>
              <th class="table-head text-right">Elapsed</th>
            </tr>
          </thead>
          <tbody>
            <tr
              ref={(element) => {
                anchor = element;
              }}
              style={{ height: `${range().start * ROW_HEIGHT}px` }}
            />
            <For each={drawn()}>
              {(id) => (
                <Show when={list().get(id)}>
                  {(task) => (
                    <tr class="relative h-9 hover:bg-raised focus-within:bg-raised">
                      <td class="border-b border-line px-3">
                        <A
                          href={`/jobs/${encodeURIComponent(id)}`}
                          class="link font-medium after:absolute after:inset-0"
                        >
                          {task().arrayTaskId}
                        </A>
                      </td>
                      <td class="border-b border-line px-3">
                        <StateBadge state={task().state} isStale={isStale(task(), clusters)} />
                      </td>
                      <td class="hidden truncate border-b border-line px-3 sm:table-cell">{task().nodeList}</td>
                      <td class="hidden truncate border-b border-line px-3 text-muted sm:table-cell">
                        {describeOutcome(task())}
                      </td>
                      <td class="border-b border-line px-3 text-right">
                        <Elapsed job={task()} />
                      </td>
                    </tr>
                  )}
                </Show>
              )}
            </For>
            <tr style={{ height: `${(list().ids().length - range().start - drawn().length) * ROW_HEIGHT}px` }} />
          </tbody>
        </table>
        <Show when={list().total() === 0}>
          <p class="p-6 text-center text-muted">No task has been seen yet.</p>
        </Show>
        <Show when={list().hasMore() && list().ids().length < MAX_TASKS}>
          <div class="p-2 text-center">
            <button
              type="button"
              class="button"
              disabled={props.section.isLoadingMore()}
              onClick={() => props.section.loadMore()}
            >
              Load more of {list().total().toLocaleString()}
            </button>
          </div>
        </Show>
      </Show>
    </section>
  );
}
