import { type JSX, Show } from 'solid-js';
import { useNow } from '../lib/clock.ts';
import { formatElapsed } from '../lib/duration.ts';
import { elapsedSeconds } from '../lib/elapsed.ts';
import { formatExact, formatRelative } from '../lib/time.ts';

/** "3 min ago", ticking, with the exact time on hover. */
export function RelativeTime(props: { readonly at: string }): JSX.Element {
  const now = useNow();
  const at = (): number => Date.parse(props.at);
  return (
    <time datetime={props.at} title={formatExact(at())} class="whitespace-nowrap">
      {formatRelative(at(), now())}
    </time>
  );
}

interface ElapsedProps {
  readonly job: { readonly startedAt: string | null; readonly endedAt: string | null; readonly isActive: boolean };
}

/** How long a job ran, ticking while it still does; nothing if it never started. */
export function Elapsed(props: ElapsedProps): JSX.Element {
  const now = useNow();
  const text = (): string | null => {
    const seconds = elapsedSeconds(props.job, now());
    return seconds === null ? null : formatElapsed(seconds);
  };
  return (
    <Show when={props.job.startedAt}>
      <Show
        when={text()}
        fallback={
          <span class="text-muted" title="Its end was not seen">
            unknown
          </span>
        }
      >
        {(shown) => <span class="whitespace-nowrap">{shown()}</span>}
      </Show>
    </Show>
  );
}
