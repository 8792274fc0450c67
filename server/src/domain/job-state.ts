/** Slurm's states, plus SUBMITTING, SUBMIT_FAILED, CANCELLING and LOST. */
export const JOB_STATES = [
  'SUBMITTING',
  'SUBMIT_FAILED',
  'PENDING',
  'HELD',
  'CONFIGURING',
  'RUNNING',
  'SUSPENDED',
  'COMPLETING',
  'CANCELLING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TIMEOUT',
  'OUT_OF_MEMORY',
  'NODE_FAIL',
  'BOOT_FAIL',
  'PREEMPTED',
  'DEADLINE',
  'REVOKED',
  'LOST',
] as const;

export type JobState = (typeof JOB_STATES)[number];

/** States that a job leaves by itself; every other state is final. */
export const ACTIVE_JOB_STATES = [
  'SUBMITTING',
  'PENDING',
  'HELD',
  'CONFIGURING',
  'RUNNING',
  'SUSPENDED',
  'COMPLETING',
  'CANCELLING',
] as const satisfies readonly JobState[];

const active: ReadonlySet<JobState> = new Set(ACTIVE_JOB_STATES);

export function isActiveState(state: JobState): boolean {
  return active.has(state);
}

/** The state of an array whose tasks differ: active states come first, then the worst end. */
const ARRAY_PRECEDENCE: readonly JobState[] = [
  'RUNNING',
  'COMPLETING',
  'SUSPENDED',
  'CONFIGURING',
  'CANCELLING',
  'PENDING',
  'HELD',
  'SUBMITTING',
  'LOST',
  'SUBMIT_FAILED',
  'FAILED',
  'OUT_OF_MEMORY',
  'NODE_FAIL',
  'BOOT_FAIL',
  'TIMEOUT',
  'DEADLINE',
  'PREEMPTED',
  'REVOKED',
  'CANCELLED',
  'COMPLETED',
];

/**
 * The state of an array from those of its tasks. It is COMPLETED only when every task is, and final only when
 * every task is. Null when there are no tasks to go by.
 */
export function arrayState(taskStates: ReadonlySet<JobState>): JobState | null {
  return ARRAY_PRECEDENCE.find((state) => taskStates.has(state)) ?? null;
}
