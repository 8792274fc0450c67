import type { Selectable } from 'kysely';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { fromInstant, toInstant } from './instants.ts';
import { fromComponents, toComponents } from './job-components.ts';
import { searchText } from './search.ts';
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

/** Every column but the idempotency key, which belongs to the request, and the number, which the store gives. */
export function fromJob(job: Job): Omit<JobRow, 'idempotency_key' | 'number'> {
  return {
    ...changingColumns(job),
    id: job.id,
    name: job.name,
    slurm_name: job.slurmName,
    project_id: job.projectId,
    cluster_name: job.clusterName,
    submitted_by: job.submittedBy,
    based_on_id: job.basedOnId,
    command: job.command,
    git_commit: job.gitCommit,
    has_uncommitted_changes: job.hasUncommittedChanges ? 1 : 0,
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
    submitted_at: job.submittedAt.getTime(),
    array_parent_id: job.arrayParentId,
    array_task_id: job.arrayTaskId,
    search_text: searchText([job.name, job.command, job.slurmJobId, job.gitCommit]),
  };
}

/** What can change after a job is recorded. Its project can't: that is the database's own doing when it is removed. */
export function changingColumns(job: Job) {
  return {
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
    is_archived: job.isArchived ? 1 : 0,
    work_dir: job.workDir,
    partition: job.partition,
    components: fromComponents(job.components),
    node_list: job.nodeList,
    started_at: fromInstant(job.startedAt),
    ended_at: fromInstant(job.endedAt),
    estimated_start_at: fromInstant(job.estimatedStartAt),
    cancel_requested_at: fromInstant(job.cancelRequestedAt),
  } as const satisfies Partial<JobRow>;
}

export const CHANGING_COLUMNS = [
  ...['slurm_job_id', 'state', 'evidence_source', 'evidence_word', 'evidence_seen_at', 'is_active', 'reason'],
  ...['exit_code', 'signal', 'attempt', 'description', 'is_archived', 'work_dir', 'partition', 'node_list'],
  ...['components', 'started_at', 'ended_at', 'estimated_start_at', 'cancel_requested_at'],
] as readonly (keyof ReturnType<typeof changingColumns>)[];

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
