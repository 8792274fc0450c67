import { For, type JSX, Show } from 'solid-js';
import { JOB_STATES } from '../../lib/job-state.ts';
import { RelativeTime } from '../../ui/time.tsx';
import { TONE_CLASS } from '../../ui/tone.ts';
import type { JobDetails, TimelineEvent } from './operations.ts';
import { isWorthTelling, titleOf } from './words.ts';

/** What happened to a job, latest first. */
export function Timeline(props: { readonly events: JobDetails['events'] }): JSX.Element {
  const told = (): readonly TimelineEvent[] => props.events.nodes.filter(isWorthTelling).toReversed();
  return (
    <>
      <Show when={props.events.pageInfo.hasNextPage}>
        <p class="mb-2 text-muted">Only its first events are shown.</p>
      </Show>
      <ol class="space-y-3">
        <For each={told()}>
          {(event) => (
            <li class={`relative pl-5 ${TONE_CLASS[event.state === null ? 'neutral' : JOB_STATES[event.state].tone]}`}>
              <span class="absolute top-1.5 left-0.5 size-2 rounded-full bg-tone" aria-hidden="true" />
              <div class="flex flex-wrap items-baseline justify-between gap-x-2">
                <span>
                  <span class="font-medium">{titleOf(event)}</span>
                  <Show when={event.actor}>{(actor) => <span class="text-muted"> by {actor().name}</span>}</Show>
                </span>
                <span class="text-xs text-muted">
                  <RelativeTime at={event.at} />
                </span>
              </div>
              <Show when={event.message}>{(message) => <p class="text-muted wrap-anywhere">{message()}</p>}</Show>
            </li>
          )}
        </For>
      </ol>
    </>
  );
}
