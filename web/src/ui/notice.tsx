import type { JSX } from 'solid-js';
import type { Tone } from '../lib/job-state.ts';
import { TONE_CLASS } from './tone.ts';

/** A message in the flow of the page: a fault and what to do about it, or something worth knowing. */
export function Notice(props: { readonly tone: Tone; readonly children: JSX.Element }): JSX.Element {
  return (
    <div
      role={props.tone === 'bad' ? 'alert' : 'status'}
      class={`rounded-md bg-tone-soft px-3 py-2 wrap-anywhere whitespace-pre-line text-tone ${TONE_CLASS[props.tone]}`}
    >
      {props.children}
    </div>
  );
}

/** Stands where a list would: says why it is empty and what to do next. */
export function EmptyState(props: { readonly title: string; readonly children: JSX.Element }): JSX.Element {
  return (
    <div class="flex flex-col items-center gap-3 px-6 py-16 text-center text-muted">
      <p class="font-medium text-ink wrap-anywhere">{props.title}</p>
      {props.children}
    </div>
  );
}

/** Grey bars in the place of what is on its way. */
export function Skeleton(props: { readonly rows: number }): JSX.Element {
  return (
    <div class="space-y-3 p-3" role="status" aria-label="Loading">
      {Array.from({ length: props.rows }, () => (
        <div class="h-5 motion-safe:animate-pulse rounded bg-raised" />
      ))}
    </div>
  );
}
