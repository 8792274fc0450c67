import { type Accessor, createEffect, createMemo, createSignal, on, onCleanup, untrack } from 'solid-js';
import type { Api } from './api.ts';
import { type JobEvent, jobEventsSubscription } from './job-events.ts';
import { createJobSection, type JobSection, type JobSectionOptions } from './job-section.ts';
import { openStream } from './stream.ts';

const FLUSH_MS = 16;
/** How long the first pages wait for the stream, so that no change falls between the two. */
const STREAM_WAIT_MS = 1_000;

/**
 * Lists of jobs that keep themselves up to date from one stream of events until the owner is disposed of. Changed
 * options make new lists; the stream goes on.
 */
export function createLiveJobs(
  { socket }: Pick<Api, 'socket'>,
  options: Accessor<readonly JobSectionOptions[]>,
  filter: { readonly includeArrayTasks: boolean; readonly isArchived: boolean | null },
): Accessor<readonly JobSection[]> {
  const sections = createMemo(() => options().map((section) => createJobSection(section, flush)));
  const [isStreaming, setIsStreaming] = createSignal(false);
  let hasCursor = false;
  let queue: JobEvent[] = [];
  let flushTimer: ReturnType<typeof setTimeout> | undefined;

  // Events come one by one, in bursts too; the page changes at most once a frame.
  function flush(): void {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    const events = queue;
    queue = [];
    for (const section of untrack(sections)) section.apply(events);
  }
  onCleanup(() => clearTimeout(flushTimer));

  function reload(): void {
    for (const section of untrack(sections)) section.reload();
  }

  onCleanup(
    openStream(socket, {
      document: jobEventsSubscription,
      variables: { filter, after: null },
      resume: ({ jobEvents }) => ({ after: jobEvents.cursor }),
      next: ({ jobEvents }) => {
        hasCursor = true;
        queue.push(jobEvents);
        if (jobEvents.kind === 'RESET') reload();
        else flushTimer ??= setTimeout(flush, FLUSH_MS);
      },
      isFinished: () => false,
      fault: (message) => {
        for (const section of untrack(sections)) section.fail(`Changes no longer arrive: ${message}`);
      },
    }),
  );

  let startTimer: ReturnType<typeof setTimeout> | undefined;
  function startAfter(waitMs: number): void {
    clearTimeout(startTimer);
    startTimer = setTimeout(() => setIsStreaming(true), waitMs);
  }
  // Over a connection that is there, the subscription is on its way by the next turn of the event loop.
  startAfter(untrack(socket.connection).status === 'live' ? 0 : STREAM_WAIT_MS);
  onCleanup(() => clearTimeout(startTimer));
  onCleanup(
    socket.onConnected(() => {
      // Without a cursor the stream starts at now: what changed while there was no connection has to be asked for.
      if (untrack(isStreaming) && !hasCursor) reload();
      startAfter(0);
    }),
  );
  createEffect(
    on([sections, isStreaming], () => {
      if (isStreaming()) reload();
    }),
  );
  return sections;
}
