import type { JobAttempt } from '../../domain/attempt.ts';
import type { EvidenceSource, JobEvidence } from '../../domain/evidence.ts';
import { JOB_STATES, type JobState } from '../../domain/job-state.ts';
import type { StateCount } from '../../store/index.ts';
import { builder } from '../builder.ts';

const STATE_DESCRIPTIONS: Readonly<Record<JobState, string>> = {
  SUBMITTING: 'Recorded here; Slurm has not said yes or no.',
  SUBMIT_FAILED: 'Slurm did not take it; `reason` says why.',
  PENDING: 'Waits in the queue; `reason` says for what.',
  HELD: 'Waits until somebody releases it.',
  CONFIGURING: 'Has its nodes, which are being made ready.',
  RUNNING: 'Runs.',
  SUSPENDED: 'Has its nodes and is stopped for the time being.',
  COMPLETING: 'Its processes are being cleared away; how it ended is not known yet.',
  CANCELLING: 'Somebody asked for its end, which has not been seen yet.',
  COMPLETED: 'Ended with exit code 0.',
  FAILED: 'Ended with another exit code, or by a signal.',
  CANCELLED: 'Ended by its owner or an administrator.',
  TIMEOUT: 'Ended by Slurm at its time limit.',
  OUT_OF_MEMORY: 'Ended because it took more memory than it had.',
  NODE_FAIL: 'Ended because one of its nodes failed.',
  BOOT_FAIL: 'Ended because its nodes could not be started.',
  PREEMPTED: 'Ended to make way for another job.',
  DEADLINE: 'Ended by Slurm at its deadline.',
  REVOKED: 'Ended here because another cluster of the federation has taken it.',
  LOST: 'Gone without a trace. Not a success and not a failure: nobody knows.',
};

export const JobStateRef = builder.enumType('JobState', {
  description: "Slurm's own words, with four of ours: SUBMITTING, SUBMIT_FAILED, CANCELLING, LOST.",
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
  description: "What a job's state was taken from.",
  values: {
    SBATCH: { description: "sbatch's answer to the submission." },
    SQUEUE: { description: "A whole snapshot of Slurm's queue." },
    SACCT: { description: "Slurm's accounting, which was asked because the job had left the queue." },
    MARKER: {
      description: 'What the batch script itself wrote when it ended, because neither queue nor accounting knew more.',
    },
    ABSENCE: { description: 'Nothing: it is gone without a trace.' },
  } satisfies Record<EvidenceSource, { description: string }>,
});

export const JobEvidenceRef = builder.objectRef<JobEvidence>('JobEvidence').implement({
  description: 'Why a job is in the state that it is in.',
  fields: (t) => ({
    source: t.expose('source', { type: EvidenceSourceRef, description: 'Who said so.' }),
    word: t.exposeString('word', {
      nullable: true,
      description: "Slurm's own word for the state. Null: the source has none.",
    }),
    seenAt: t.expose('seenAt', { type: 'DateTime', description: 'When it was first seen so.' }),
  }),
});

export const JobAttemptRef = builder.objectRef<JobAttempt>('JobAttempt').implement({
  description: 'One run of a job between requeues. All attempts write to the same two log files, one behind the other.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: '1 is the first.' }),
    outcome: t.exposeString('outcome', {
      nullable: true,
      description:
        "Slurm's own word for how it ended, such as REQUEUED or NODE_FAIL. Null: it has not, or Slurm has not told yet.",
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
