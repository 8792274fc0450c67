import type { Selectable } from 'kysely';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { fromInstant, toInstant } from './instants.ts';
import { fromComponents, toComponents } from './job-components.ts';
import type { JobAttemptsTable, JobsTable } from './tables.ts';

export type JobRow = Selectable<JobsTable>;

export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    name: row.name,
    slurmName: row.slurm_name,
    projectId: row.project_id,
    clusterName: row.cluster_name,
    submittedBy: row.submitted_by,
    slurmJobId: row.slurm_job_id,
    state: row.state,
    evidence:
      row.evidence_source === null
        ? null
        : {
            source: row.evidence_source,
            word: row.evidence_word,
            seenAt: new Date(row.evidence_seen_at ?? 0),
          },
    reason: row.reason,
    exitCode: row.exit_code,
    signal: row.signal,
    attempt: row.attempt,
    description: row.description,
    basedOnId: row.based_on_id,
    isArchived: row.is_archived === 1,
    command: row.command,
    gitCommit: row.git_commit,
    hasUncommittedChanges: row.has_uncommitted_changes === 1,
    workDir: row.work_dir,
    partition: row.partition,
    resources: {
      nodes: row.nodes,
      tasks: row.tasks,
      cpusPerTask: row.cpus_per_task,
      memoryMb: row.memory_mb,
      gpus: row.gpus,
      gpuType: row.gpu_type,
      timeLimitMinutes: row.time_limit_minutes,
      account: row.account,
      qos: row.qos,
      array: row.array_spec,
    },
    components: toComponents(row.components),
    nodeList: row.node_list,
    submittedAt: new Date(row.submitted_at),
    startedAt: toInstant(row.started_at),
    endedAt: toInstant(row.ended_at),
    estimatedStartAt: toInstant(row.estimated_start_at),
    cancelRequestedAt: toInstant(row.cancel_requested_at),
    arrayParentId: row.array_parent_id,
    arrayTaskId: row.array_task_id,
  };
}

/** Every column but the idempotency key, which belongs to the request and not to the job. */
export function fromJob(job: Job): Omit<JobRow, 'idempotency_key'> {
  return {
    id: job.id,
    name: job.name,
    slurm_name: job.slurmName,
    project_id: job.projectId,
    cluster_name: job.clusterName,
    submitted_by: job.submittedBy,
    slurm_job_id: job.slurmJobId,
    state: job.state,
    evidence_source: job.evidence?.source ?? null,
    evidence_word: job.evidence?.word ?? null,
    evidence_seen_at: fromInstant(job.evidence?.seenAt ?? null),
    is_active: isActiveState(job.state) ? 1 : 0,
    reason: job.reason,
    exit_code: job.exitCode,
    signal: job.signal,
    attempt: job.attempt,
    description: job.description,
    based_on_id: job.basedOnId,
    is_archived: job.isArchived ? 1 : 0,
    command: job.command,
    git_commit: job.gitCommit,
    has_uncommitted_changes: job.hasUncommittedChanges ? 1 : 0,
    work_dir: job.workDir,
    partition: job.partition,
    nodes: job.resources.nodes,
    tasks: job.resources.tasks,
    cpus_per_task: job.resources.cpusPerTask,
    memory_mb: job.resources.memoryMb,
    gpus: job.resources.gpus,
    gpu_type: job.resources.gpuType,
    time_limit_minutes: job.resources.timeLimitMinutes,
    account: job.resources.account,
    qos: job.resources.qos,
    array_spec: job.resources.array,
    components: fromComponents(job.components),
    node_list: job.nodeList,
    submitted_at: job.submittedAt.getTime(),
    started_at: fromInstant(job.startedAt),
    ended_at: fromInstant(job.endedAt),
    estimated_start_at: fromInstant(job.estimatedStartAt),
    cancel_requested_at: fromInstant(job.cancelRequestedAt),
    array_parent_id: job.arrayParentId,
    array_task_id: job.arrayTaskId,
  };
}

/**
 * Columns that change after a job is recorded, with their types. Its project isn't among them: that is the database's
 * own doing when the project is removed.
 */
export const CHANGING_COLUMNS = {
  slurm_job_id: 'text',
  state: 'text',
  evidence_source: 'text',
  evidence_word: 'text',
  evidence_seen_at: 'bigint',
  is_active: 'integer',
  reason: 'text',
  exit_code: 'integer',
  signal: 'integer',
  attempt: 'integer',
  description: 'text',
  is_archived: 'integer',
  work_dir: 'text',
  partition: 'text',
  components: 'text',
  node_list: 'text',
  started_at: 'bigint',
  ended_at: 'bigint',
  estimated_start_at: 'bigint',
  cancel_requested_at: 'bigint',
} as const satisfies Partial<Record<keyof JobRow, 'text' | 'integer' | 'bigint'>>;

export function toAttempt(row: Selectable<JobAttemptsTable>): JobAttempt {
  return {
    number: row.number,
    outcome: row.outcome,
    exitCode: row.exit_code,
    signal: row.signal,
    startedAt: toInstant(row.started_at),
    endedAt: toInstant(row.ended_at),
    nodeList: row.node_list,
  };
}

export function fromAttempt(jobId: string, attempt: JobAttempt): JobAttemptsTable {
  return {
    job_id: jobId,
    number: attempt.number,
    outcome: attempt.outcome,
    exit_code: attempt.exitCode,
    signal: attempt.signal,
    started_at: fromInstant(attempt.startedAt),
    ended_at: fromInstant(attempt.endedAt),
    node_list: attempt.nodeList,
  };
}
