import { type JSX, Show } from 'solid-js';
import { useNow } from '../lib/clock.ts';
import { formatElapsed } from '../lib/duration.ts';
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

/** How long something ran, ticking while it still does; nothing if it never started. */
export function Elapsed(props: { readonly from: string | null; readonly to: string | null }): JSX.Element {
  const now = useNow();
  return (
    <Show when={props.from}>
      {(from) => {
        const milliseconds = (): number => (props.to === null ? now() : Date.parse(props.to)) - Date.parse(from());
        return <span class="whitespace-nowrap">{formatElapsed(milliseconds() / 1_000)}</span>;
      }}
    </Show>
  );
}
