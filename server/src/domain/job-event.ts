import type { Job } from './job.ts';
import type { JobAction } from './job-action.ts';
import type { JobState } from './job-state.ts';

export const JOB_EVENT_KINDS = ['CREATED', 'STATE_CHANGED', 'UPDATED', 'REMOVED', 'RESET'] as const;
export type JobEventKind = (typeof JOB_EVENT_KINDS)[number];

/** What changes the job itself, as opposed to submitting it again as another one. */
export type JobRequest = Exclude<JobAction, 'RESUBMIT'>;

/** The changeable fields that jobs are filtered by. */
export const CHANGING_FACTS = [
  'name',
  'tags',
  'partition',
  'isArchived',
  'slurmJobId',
  'exitCode',
  'startedAt',
  'endedAt',
] as const satisfies readonly (keyof Job)[];
export type ChangingFacts = Pick<Job, (typeof CHANGING_FACTS)[number]>;

/** One committed change of one job. `sequence` grows strictly with the order of commits. */
export interface JobEvent {
  readonly sequence: number;
  readonly kind: JobEventKind;
  readonly at: Date;
  readonly jobId: string;
  readonly fromState: JobState | null;
  readonly state: JobState;
  /** What the event changed of that by which jobs are found, as it was before; null: nothing but perhaps the state. */
  readonly changedFrom: Partial<ChangingFacts> | null;
  readonly message: string | null;
  /** What the actor asked for; null: to submit it, or nobody asked. Only `state` says what came of it. */
  readonly request: JobRequest | null;
  /** Who asked for it; null: what Slurm did, or the server by itself. */
  readonly actorId: string | null;
  /** The job as it was committed with this event; as it is now when the event is read back from the store. */
  readonly job: Job;
}
