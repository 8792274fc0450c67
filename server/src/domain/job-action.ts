import { isArray, type Job } from './job.ts';
import { isActiveState, type JobState } from './job-state.ts';

/** What can be asked for a job, by the mutations of the same names. */
export const JOB_ACTIONS = [
  'CANCEL',
  'HOLD',
  'RELEASE',
  'REQUEUE',
  'RESUBMIT',
  'UPDATE',
  'ARCHIVE',
  'UNARCHIVE',
] as const;
export type JobAction = (typeof JOB_ACTIONS)[number];

/** Actions that depend on the state alone. Of an array they reach the tasks whose state they fit. */
const BY_STATE = {
  CANCEL: (state) => isActiveState(state) && state !== 'CANCELLING',
  // scontrol would take a running job too, and hold it only should it ever be requeued.
  HOLD: (state) => state === 'PENDING',
  RELEASE: (state) => state === 'HELD',
  // Slurm also takes a job that is over, for as long as it holds it.
  REQUEUE: (state) => !NOT_REQUEUED.has(state),
} as const satisfies Partial<Record<JobAction, (state: JobState) => boolean>>;
type StateAction = keyof typeof BY_STATE;

/** The job is in the queue already, or not yet, or leaves it at somebody's request. */
const NOT_REQUEUED: ReadonlySet<JobState> = new Set(['SUBMITTING', 'PENDING', 'HELD', 'CANCELLING']);

/** Whether an action makes sense in a state. */
export function actionFits(action: StateAction, state: JobState): boolean {
  return BY_STATE[action](state);
}

/**
 * What fits a job as it was last seen; Slurm has the last word. A requeue of a job that is over is left out: only Slurm
 * knows whether it still holds the job. `taskStates`: of the tasks of an array.
 */
export function actionsOf(job: Job, taskStates: readonly JobState[]): readonly JobAction[] {
  const active = (isArray(job) ? taskStates : [job.state]).filter(isActiveState);
  // An array without tasks has not been seen in Slurm. It can be cancelled all the same.
  const cancellable = active.length === 0 ? [job.state] : active;
  const some = (action: StateAction) => job.slurmJobId !== null && active.some((state) => actionFits(action, state));
  const isFitting: Readonly<Record<JobAction, boolean>> = {
    CANCEL: cancellable.some((state) => actionFits('CANCEL', state)),
    HOLD: some('HOLD'),
    RELEASE: some('RELEASE'),
    REQUEUE: some('REQUEUE'),
    RESUBMIT: hasItsInputs(job),
    // Tasks have the words of their array.
    UPDATE: job.arrayParentId === null,
    ARCHIVE: !job.isArchived,
    UNARCHIVE: job.isArchived,
  };
  return JOB_ACTIONS.filter((action) => isFitting[action]);
}

/** Whether the same can be submitted again, as far as the job itself shows. `resubmitJob` says what is missing. */
function hasItsInputs({ gitCommit, hasUncommittedChanges, projectId }: Job): boolean {
  return gitCommit !== null && !hasUncommittedChanges && projectId !== null;
}
