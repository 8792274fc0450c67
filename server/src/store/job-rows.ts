import type { Selectable } from 'kysely';
import type { Job } from '../domain/job.ts';
import { isActiveState } from '../domain/job-state.ts';
import { fromInstant, toInstant } from './instants.ts';
import type { JobsTable } from './tables.ts';

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
