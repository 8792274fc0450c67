import { createEffect, createSignal, type JSX, onCleanup, Show } from 'solid-js';
import { useApi } from '../../graphql/api.ts';
import type { ConnectionState } from '../../graphql/socket.ts';
import { useNow } from '../../lib/clock.ts';
import type { Tone } from '../../lib/job-state.ts';
import { formatExact } from '../../lib/time.ts';
import { TONE_CLASS } from '../../ui/tone.ts';

/** A connection that comes back within this time isn't worth a banner. */
const BANNER_AFTER_MS = 1_000;
const OFFLINE_AFTER_MS = 10_000;
const clockTime = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** Whether what the page shows is kept up to date at this moment. */
export function ConnectionIndicator(): JSX.Element {
  const { socket } = useApi();
  const now = useNow();
  const description = (): Description => describe(socket.connection(), now());
  return (
    <span
      role="status"
      class={`flex items-center gap-1.5 text-xs whitespace-nowrap text-tone sm:border-l sm:border-line sm:pl-3 ${TONE_CLASS[description().tone]}`}
      title={`Since ${formatExact(socket.connection().since)}`}
    >
      <span class="size-2 rounded-full bg-tone" aria-hidden="true" />
      <span class="max-sm:sr-only">{description().text}</span>
    </span>
  );
}

/** Says across the page that it is not up to date, and since when. */
export function ConnectionBanner(): JSX.Element {
  const { socket } = useApi();
  const [isAway, setIsAway] = createSignal(false);
  createEffect(() => {
    setIsAway(false);
    if (socket.connection().status !== 'reconnecting') return;
    const timer = setTimeout(() => setIsAway(true), BANNER_AFTER_MS);
    onCleanup(() => clearTimeout(timer));
  });
  return (
    <Show when={isAway()}>
      <p role="status" class="tone-warning bg-tone-soft px-5 py-1.5 text-center text-tone">
        No connection to the server since {clockTime.format(socket.connection().since)}. The page shows the state of
        then; it catches up by itself.
      </p>
    </Show>
  );
}

interface Description {
  readonly text: string;
  readonly tone: Tone;
}

function describe({ status, since }: ConnectionState, now: number): Description {
  switch (status) {
    case 'live':
      return { text: 'live', tone: 'good' };
    case 'connecting':
      return { text: 'connecting…', tone: 'neutral' };
    case 'reconnecting':
      return now - since < OFFLINE_AFTER_MS
        ? { text: 'reconnecting…', tone: 'warning' }
        : { text: 'offline', tone: 'bad' };
  }
}
