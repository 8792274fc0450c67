import type { JobState } from '../graphql/graphql.ts';

/** How a state reads at a glance; the interface gives each tone a colour and each state an icon. */
export type Tone = 'waiting' | 'busy' | 'running' | 'good' | 'bad' | 'warning' | 'neutral';

interface StateDescription {
  readonly label: string;
  readonly tone: Tone;
  /** The job still moves on by itself. */
  readonly isActive: boolean;
  /** It ended, and not as its owner wanted. */
  readonly isFailure: boolean;
}

const active = (label: string, tone: Tone): StateDescription => ({ label, tone, isActive: true, isFailure: false });
const ended = (label: string, tone: Tone): StateDescription => ({ label, tone, isActive: false, isFailure: false });
const failed = (label: string, tone: Tone = 'bad'): StateDescription => ({
  label,
  tone,
  isActive: false,
  isFailure: true,
});

export const JOB_STATES = {
  SUBMITTING: active('Submitting', 'busy'),
  SUBMIT_FAILED: failed('Submit failed'),
  PENDING: active('Pending', 'waiting'),
  HELD: active('Held', 'waiting'),
  CONFIGURING: active('Configuring', 'busy'),
  RUNNING: active('Running', 'running'),
  SUSPENDED: active('Suspended', 'waiting'),
  COMPLETING: active('Completing', 'busy'),
  CANCELLING: active('Cancelling', 'warning'),
  COMPLETED: ended('Completed', 'good'),
  FAILED: failed('Failed'),
  CANCELLED: ended('Cancelled', 'neutral'),
  TIMEOUT: failed('Timeout'),
  OUT_OF_MEMORY: failed('Out of memory'),
  NODE_FAIL: failed('Node failure'),
  BOOT_FAIL: failed('Boot failure'),
  PREEMPTED: failed('Preempted', 'warning'),
  DEADLINE: failed('Deadline'),
  REVOKED: ended('Revoked', 'neutral'),
  LOST: failed('Lost', 'warning'),
} as const satisfies Record<JobState, StateDescription>;

const names = Object.keys(JOB_STATES) as JobState[];

export const FAILED_STATES: readonly JobState[] = names.filter((state) => JOB_STATES[state].isFailure);

export function isActiveState(state: JobState): boolean {
  return JOB_STATES[state].isActive;
}
