import type { JobAttempt } from '../../domain/attempt.ts';
import type { EvidenceSource, JobEvidence } from '../../domain/evidence.ts';
import { JOB_STATES, type JobState } from '../../domain/job-state.ts';
import type { StateCount } from '../../store/index.ts';
import { builder } from '../builder.ts';

const STATE_DESCRIPTIONS: Readonly<Record<JobState, string>> = {
  SUBMITTING: 'Recorded by the server; Slurm has neither accepted nor rejected it yet.',
  SUBMIT_FAILED: 'Slurm rejected it; `reason` says why.',
  PENDING: 'Waiting in the queue; `reason` says for what.',
  HELD: 'Waiting until somebody releases it.',
  CONFIGURING: 'Its nodes are allocated and are being made ready.',
  RUNNING: 'Running.',
  SUSPENDED: 'Its nodes are allocated, and its processes are suspended.',
  COMPLETING: 'Its processes are being cleaned up; how it ended is not known yet.',
  CANCELLING: 'Cancellation was requested, and the end has not been seen yet.',
  COMPLETED: 'Ended with exit code 0.',
  FAILED: 'Ended with another exit code, or by a signal.',
  CANCELLED: 'Cancelled by its owner or an administrator.',
  TIMEOUT: 'Ended by Slurm at its time limit.',
  OUT_OF_MEMORY: 'Ended because it used more memory than it was allocated.',
  NODE_FAIL: 'Ended because one of its nodes failed.',
  BOOT_FAIL: 'Ended because its nodes could not be started.',
  PREEMPTED: 'Ended to make way for another job.',
  DEADLINE: 'Ended by Slurm at its deadline.',
  REVOKED: 'Ended here because another cluster of the federation has taken it.',
  LOST: 'Gone without a trace. Whether it succeeded or failed is unknown.',
};

export const JobStateRef = builder.enumType('JobState', {
  description: "Slurm's states, plus SUBMITTING, SUBMIT_FAILED, CANCELLING and LOST.",
  values: Object.fromEntries(JOB_STATES.map((state) => [state, { description: STATE_DESCRIPTIONS[state] }])) as Record<
    JobState,
    { description: string }
  >,
});

export const JobStateCountRef = builder.objectRef<StateCount>('JobStateCount').implement({
  description: 'How many tasks of an array are in one state.',
  fields: (t) => ({
    state: t.expose('state', { type: JobStateRef, description: 'The state.' }),
    count: t.exposeInt('count', { description: 'Number of tasks, never 0.' }),
  }),
});

const EvidenceSourceRef = builder.enumType('JobEvidenceSource', {
  description: "The source of a job's state.",
  values: {
    SBATCH: { description: "sbatch's answer to the submission." },
    SQUEUE: { description: "A complete snapshot of Slurm's queue." },
    SACCT: { description: "Slurm's accounting, queried because the job had left the queue." },
    MARKER: {
      description:
        'The record that the batch script wrote when it ended. Used when neither the queue nor the accounting knows more.',
    },
    ABSENCE: { description: 'None: the job is gone without a trace.' },
  } satisfies Record<EvidenceSource, { description: string }>,
});

export const JobEvidenceRef = builder.objectRef<JobEvidence>('JobEvidence').implement({
  description: 'Why a job is in the state that it is in.',
  fields: (t) => ({
    source: t.expose('source', { type: EvidenceSourceRef, description: 'The source.' }),
    word: t.exposeString('word', {
      nullable: true,
      description: "Slurm's own word for the state. Null: the source has none.",
    }),
    seenAt: t.expose('seenAt', { type: 'DateTime', description: 'When the source first showed this state.' }),
  }),
});

export const JobAttemptRef = builder.objectRef<JobAttempt>('JobAttempt').implement({
  description: 'One run of a job between requeues. All attempts append to the same two log files.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: '1 is the first.' }),
    outcome: t.exposeString('outcome', {
      nullable: true,
      description:
        "Slurm's own word for how it ended, such as REQUEUED or NODE_FAIL. Null: it has not ended, or Slurm has not reported it yet.",
    }),
    exitCode: t.exposeInt('exitCode', { nullable: true, description: 'As `Job.exitCode`.' }),
    signal: t.exposeInt('signal', { nullable: true, description: 'As `Job.signal`.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'Null: it has not started.' }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true, description: 'Null: as for `outcome`.' }),
    nodeList: t.exposeString('nodeList', {
      nullable: true,
      description: 'The nodes it ran on, as Slurm writes them. Null: it has not started.',
    }),
  }),
});
