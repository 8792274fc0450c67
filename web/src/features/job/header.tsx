import { A } from '@solidjs/router';
import { For, type JSX, Show } from 'solid-js';
import { isStale, useClusters } from '../../graphql/clusters.ts';
import { describeOutcome } from '../../lib/job-text.ts';
import { StateBadge } from '../../ui/state-badge.tsx';
import { Tags } from '../../ui/tags.tsx';
import { TaskBar } from '../../ui/task-bar.tsx';
import { ControlButtons } from './control-buttons.tsx';
import { EditButton } from './edit-button.tsx';
import type { JobDetails } from './operations.ts';

/** What the job is, how it stands, and what can be done with it. */
export function Header(props: { readonly job: JobDetails }): JSX.Element {
  const clusters = useClusters();
  const outcome = (): string => describeOutcome(props.job);
  return (
    <header class="space-y-2">
      <div class="flex flex-wrap items-center gap-3">
        <h1 class="min-w-0 wrap-anywhere">{props.job.name}</h1>
        <StateBadge state={props.job.state} isStale={isStale(props.job, clusters)} />
        <Show when={props.job.taskCounts.length > 0}>
          <TaskBar counts={props.job.taskCounts} />
        </Show>
        <span class="min-w-0 text-muted wrap-anywhere">{outcome()}</span>
        <div class="ml-auto flex flex-wrap gap-2">
          <Show when={clusters.may('CHANGE_JOBS')}>
            <A href={`/launch?from=${encodeURIComponent(props.job.id)}`} class="button">
              Launch again
            </A>
          </Show>
          <Show when={props.job.actions.includes('UPDATE')}>
            <EditButton job={props.job} />
          </Show>
          <ControlButtons job={props.job} />
        </div>
      </div>
      <Show when={props.job.description}>
        {(text) => <p class="max-w-prose whitespace-pre-line text-muted">{text()}</p>}
      </Show>
      <Show when={props.job.tags.length > 0}>
        <p class="flex flex-wrap gap-1.5">
          <Tags tags={props.job.tags} />
        </p>
      </Show>
      <Origin job={props.job} />
      <pre class="rounded-md bg-raised px-3 py-2 text-xs wrap-anywhere whitespace-pre-wrap">{props.job.command}</pre>
    </header>
  );
}

/** The jobs that this one comes from. */
function Origin(props: { readonly job: JobDetails }): JSX.Element {
  return (
    <>
      <Show when={props.job.arrayParent}>
        {(array) => (
          <p class="text-muted">
            Task {props.job.arrayTaskId} of the array <JobLink job={array()} />
          </p>
        )}
      </Show>
      <Show when={props.job.basedOn}>
        {(job) => (
          <p class="text-muted">
            Launched again from <JobLink job={job()} />,{' '}
            <A href={`/compare?${comparing(job().id, props.job.id)}`} class="link">
              compare
            </A>
          </p>
        )}
      </Show>
      <Show when={props.job.derivedJobs.totalCount > 0}>
        <p class="text-muted">
          Launched again as{' '}
          <For each={props.job.derivedJobs.nodes}>
            {(job, index) => (
              <>
                {index() === 0 ? '' : ', '}
                <JobLink job={job} />
              </>
            )}
          </For>
          <Show when={props.job.derivedJobs.totalCount - props.job.derivedJobs.nodes.length || null}>
            {(more) => <> and {more().toLocaleString()} more</>}
          </Show>
        </p>
      </Show>
    </>
  );
}

function comparing(...ids: readonly string[]): string {
  return new URLSearchParams(ids.map((id) => ['id', id])).toString();
}

function JobLink(props: { readonly job: { readonly id: string; readonly name: string } }): JSX.Element {
  return (
    <A href={`/jobs/${encodeURIComponent(props.job.id)}`} class="link">
      {props.job.name}
    </A>
  );
}
