import type { LucideProps } from 'lucide-solid';
import type { Component, JSX } from 'solid-js';
import { Dynamic } from 'solid-js/web';
import type { Tone } from '../lib/job-state.ts';
import { TONE_CLASS } from './tone.ts';

interface BadgeProps {
  readonly tone: Tone;
  readonly icon: Component<LucideProps>;
  readonly label: string;
  readonly title?: string | undefined;
  /** What it says may no longer hold. */
  readonly isStale?: boolean | undefined;
  /** The word stands beside it, so only the icon is drawn. */
  readonly isIconOnly?: boolean | undefined;
}

/** A state as colour, icon and word. */
export function Badge(props: BadgeProps): JSX.Element {
  return (
    <span
      class={`inline-flex h-6 items-center gap-1.5 rounded-md bg-tone-soft px-2 text-xs font-medium whitespace-nowrap text-tone ${TONE_CLASS[props.tone]}`}
      classList={{ 'border border-dashed border-tone/50': props.isStale === true }}
      title={props.title}
    >
      <Dynamic component={props.icon} size={14} aria-hidden="true" />
      <span classList={{ 'sr-only': props.isIconOnly === true }}>{props.label}</span>
    </span>
  );
}
