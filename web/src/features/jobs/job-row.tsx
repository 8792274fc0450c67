import { A } from '@solidjs/router';
import { type JSX, Show } from 'solid-js';
import { isStale, useClusters } from '../../graphql/clusters.ts';
import type { JobRow } from '../../graphql/job-row.ts';
import { JOB_STATES } from '../../lib/job-state.ts';
import { describeOutcome, describeResources } from '../../lib/job-text.ts';
import { StateBadge } from '../../ui/state-badge.tsx';
import { Tags } from '../../ui/tags.tsx';
import { TaskBar } from '../../ui/task-bar.tsx';
import { Elapsed, RelativeTime } from '../../ui/time.tsx';
import { TONE_CLASS } from '../../ui/tone.ts';
import type { Selection } from './selection.ts';

const CELL = 'border-b border-line px-3';

interface JobTableRowProps {
  readonly job: JobRow;
  readonly isPhone: boolean;
  readonly selection: Selection;
}

/** One job; the whole row leads to its page, but for its box. */
export function JobTableRow(props: JobTableRowProps): JSX.Element {
  const clusters = useClusters();
  const hasTasks = (): boolean => props.job.taskCounts.length > 0;
  return (
    <tr
      class="relative h-14 md:h-9"
      classList={{
        'bg-accent-soft': props.selection.has(props.job.id),
        'hover:bg-raised focus-within:bg-raised': !props.selection.has(props.job.id),
      }}
      data-job-id={props.job.id}
    >
      <td class="border-b border-line p-0">
        <SelectBox job={props.job} selection={props.selection} />
      </td>
      <td class="border-b border-line px-0 md:px-3">
        <StateBadge state={props.job.state} isStale={isStale(props.job, clusters)} isIconOnly={props.isPhone} />
      </td>
      <td class={CELL}>
        <div class="flex min-w-0 items-center gap-2">
          <A
            href={`/jobs/${encodeURIComponent(props.job.id)}`}
            class="truncate font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
          >
            {props.job.name}
          </A>
          <span class={`hidden text-xs text-muted ${hasTasks() ? 'xl:inline' : 'sm:inline'}`}>
            {props.job.slurmJobId}
          </span>
          <Show when={props.job.tags.length > 0}>
            <span class="hidden shrink-0 items-center gap-1 lg:inline-flex">
              <Tags tags={props.job.tags} most={2} />
            </span>
          </Show>
          <Show when={hasTasks() && !props.isPhone}>
            <TaskBar counts={props.job.taskCounts} isShort />
          </Show>
        </div>
        <Show when={props.isPhone}>
          <div class={`truncate text-xs text-muted ${TONE_CLASS[JOB_STATES[props.job.state].tone]}`}>
            <Show
              when={hasTasks()}
              fallback={
                <span class="text-tone" aria-hidden="true">
                  {JOB_STATES[props.job.state].label}
                </span>
              }
            >
              <TaskBar counts={props.job.taskCounts} isShort />
            </Show>{' '}
            · {props.job.cluster.name} · <RelativeTime at={props.job.submittedAt} />
          </div>
        </Show>
      </td>
      <td class={`${CELL} hidden truncate xl:table-cell`}>{props.job.project?.name ?? <Absent />}</td>
      <td class={`${CELL} hidden truncate md:table-cell`}>{props.job.cluster.name}</td>
      <td class={`${CELL} hidden truncate 2xl:table-cell`}>{props.job.partition ?? <Absent />}</td>
      <td class={`${CELL} hidden truncate lg:table-cell`}>{describeResources(props.job) || <Absent />}</td>
      <td class={`${CELL} hidden text-muted md:table-cell`}>
        <RelativeTime at={props.job.submittedAt} />
      </td>
      <td class={`${CELL} text-right max-md:px-2`}>
        <Elapsed job={props.job} />
      </td>
      <td class={`${CELL} hidden truncate text-muted lg:table-cell`} title={describeOutcome(props.job)}>
        {describeOutcome(props.job)}
      </td>
    </tr>
  );
}

function SelectBox(props: { readonly job: JobRow; readonly selection: Selection }): JSX.Element {
  return (
    // Above the link that covers the row. Shift extends the selection, not the browser's own one of text.
    <label class="relative z-1 flex h-14 cursor-pointer items-center justify-center select-none md:h-9">
      <input
        type="checkbox"
        class="size-4 accent-accent"
        aria-label={`Select ${props.job.name}`}
        checked={props.selection.has(props.job.id)}
        onClick={(event) => {
          if (event.shiftKey) props.selection.extendTo(props.job.id);
          else props.selection.toggle(props.job.id);
          // The browser has turned it over already, whatever has become of the selection.
          event.currentTarget.checked = props.selection.has(props.job.id);
        }}
      />
    </label>
  );
}

function Absent(): JSX.Element {
  return <span class="text-muted">–</span>;
}
