import { createMemo, For, type JSX } from 'solid-js';
import type { JobState } from '../graphql/graphql.ts';
import { JOB_STATES, type Tone } from '../lib/job-state.ts';
import { TONE_CLASS } from './tone.ts';

interface StateCount {
  readonly state: JobState;
  readonly count: number;
}

/** What is done stands left, what waits stands right. */
const ORDER: readonly Tone[] = ['good', 'bad', 'warning', 'neutral', 'running', 'busy', 'waiting'];

/** How far the tasks of an array are: a bar with a stretch for each state, and the same in words. */
export function TaskBar(props: {
  readonly counts: readonly StateCount[];
  /** For where there is little room. */
  readonly isShort?: boolean;
}): JSX.Element {
  const ordered = createMemo(() =>
    props.counts.toSorted(
      (left, right) => ORDER.indexOf(JOB_STATES[left.state].tone) - ORDER.indexOf(JOB_STATES[right.state].tone),
    ),
  );
  const total = (): number => props.counts.reduce((sum, { count }) => sum + count, 0);
  const ended = (): number =>
    props.counts.reduce((sum, { state, count }) => sum + (JOB_STATES[state].isActive ? 0 : count), 0);
  const words = (): string =>
    ordered()
      .map(({ state, count }) => `${count} ${JOB_STATES[state].label.toLowerCase()}`)
      .join(', ');
  return (
    <span class="inline-flex shrink-0 items-center gap-2" title={words()}>
      <span
        class={`flex h-1.5 overflow-hidden rounded-full bg-raised ${props.isShort === true ? 'w-12 2xl:w-20' : 'w-20'}`}
        aria-hidden="true"
      >
        <For each={ordered()}>
          {(part) => (
            <span
              class={`bg-tone ${TONE_CLASS[JOB_STATES[part.state].tone]}`}
              style={{ width: `${(part.count / total()) * 100}%` }}
            />
          )}
        </For>
      </span>
      <span class="text-xs text-muted" aria-hidden="true">
        {ended()}/{total()}
      </span>
      <span class="sr-only">{words()}</span>
    </span>
  );
}
