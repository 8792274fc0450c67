export const CHECK_STEPS = [
  'SETTINGS',
  'REACH',
  'HOST_KEY',
  'LOGIN',
  'SHELL',
  'SLURM',
  'QUEUE',
  'ACCOUNTING',
  'NODES',
  'SFTP',
  'GIT',
  'WORKSPACE',
  'SUBMIT',
] as const;
export type CheckStepName = (typeof CHECK_STEPS)[number];

export const CHECK_STATUSES = ['OK', 'WARNING', 'FAILED', 'SKIPPED'] as const;
export type CheckStatus = (typeof CHECK_STATUSES)[number];

/** One step of a cluster's check. */
export interface CheckStep {
  readonly name: CheckStepName;
  readonly status: CheckStatus;
  /** What was found, or why the step was skipped. */
  readonly found: string;
  /** What to do about it; null: nothing. */
  readonly advice: string | null;
  /** Null: the step was skipped. */
  readonly seconds: number | null;
}
