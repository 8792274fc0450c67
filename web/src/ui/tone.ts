import type { Tone } from '../lib/job-state.ts';

/** The class that sets a tone's colours; spelled out so that Tailwind and a reader's search find each. */
export const TONE_CLASS = {
  neutral: 'tone-neutral',
  waiting: 'tone-waiting',
  busy: 'tone-running',
  running: 'tone-running',
  good: 'tone-good',
  warning: 'tone-warning',
  bad: 'tone-bad',
} as const satisfies Record<Tone, string>;
