import type { Selectable } from 'kysely';
import { z } from 'zod';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job, WordsOfArray } from '../domain/job.ts';
import { searchedTag } from '../domain/job-filter.ts';
import { isActiveState } from '../domain/job-state.ts';
import { batches } from './batches.ts';
import type { Database } from './database.ts';
import { fromInstant, toInstant } from './instants.ts';
import { fromAllocation, toAllocation } from './job-allocations.ts';
import { fromComponents, toComponents } from './job-components.ts';
import { readJson } from './json.ts';
import { searchText } from './search.ts';
import type { Values } from './sqlite/index.ts';
import type { JobAttemptsTable, JobsTable } from './tables.ts';

export type JobRow = Selectable<JobsTable>;

/** Rows as jobs. The tasks of arrays have the words of their array, which are stored once. */
export async function toJobs(database: Database, rows: readonly JobRow[]): Promise<Job[]> {
  const arrays = new Set(rows.flatMap(({ array_parent_id: id }) => id ?? []));
  const words = new Map<string, WordsOfArray>();
  for await (const ids of batches([...arrays])) {
    const found = await database
      .selectFrom('jobs')
      .select(['id', 'name', 'description', 'tags', 'command'])
      .where('id', 'in', ids)
      .execute();
    for (const row of found) words.set(row.id, toWords(row));
  }
  return rows.map((row) => toJob(row, words.get(row.array_parent_id ?? '')));
}

function toWords({ name, description, tags, command }: Pick<JobRow, keyof WordsOfArray>): WordsOfArray {
  return { name, description, tags: toTags(tags), command };
}

/** `words`: of a task, those of its array. */
export function toJob(row: JobRow, words = toWords(row)): Job {
  return {
    id: row.id,
    ...words,
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
    basedOnId: row.based_on_id,
    isArchived: row.is_archived === 1,
    gitCommit: row.git_commit,
    hasUncommittedChanges: row.has_uncommitted_changes === 1,
    workDir: row.work_dir,
    partition: row.partition,
    resources: {
      nodes: row.nodes,
      maxNodes: row.max_nodes,
      tasks: row.tasks,
      cpusPerTask: row.cpus_per_task,
      memoryMb: row.memory_mb,
      gpus: row.gpus,
      gpusTotal: row.gpus_total,
      gpusPerTask: row.gpus_per_task,
      gpuType: row.gpu_type,
      timeLimitMinutes: row.time_limit_minutes,
      account: row.account,
      qos: row.qos,
      array: row.array_spec,
    },
    components: toComponents(row.components),
    nodeList: row.node_list,
    allocated: toAllocation(row.allocated),
    submittedAt: new Date(row.submitted_at),
    startedAt: toInstant(row.started_at),
    endedAt: toInstant(row.ended_at),
    estimatedStartAt: toInstant(row.estimated_start_at),
    cancelRequestedAt: toInstant(row.cancel_requested_at),
    arrayParentId: row.array_parent_id,
    arrayTaskId: row.array_task_id,
    number: row.number,
  };
}

type Columns = Partial<JobRow>;
/** The columns of some fields of a job. */
export type Parts<Field extends PropertyKey> = Readonly<Record<Field, (job: Job) => Columns>>;

/**
 * The fields that can change after a job is recorded. Its project is not among them: the database clears it when the
 * project is removed.
 */
export const CHANGING_PARTS = {
  slurmJobId: ({ slurmJobId }) => ({ slurm_job_id: slurmJobId }),
  state: ({ state }) => ({ state, is_active: isActiveState(state) ? 1 : 0 }),
  evidence: ({ evidence }) => ({
    evidence_source: evidence?.source ?? null,
    evidence_word: evidence?.word ?? null,
    evidence_seen_at: fromInstant(evidence?.seenAt ?? null),
  }),
  reason: ({ reason }) => ({ reason }),
  exitCode: ({ exitCode }) => ({ exit_code: exitCode }),
  signal: ({ signal }) => ({ signal }),
  attempt: ({ attempt }) => ({ attempt }),
  name: (job) => ({ name: ownWords(job).name }),
  description: (job) => ({ description: ownWords(job).description }),
  tags: (job) => ({ tags: fromTags(ownWords(job).tags) }),
  isArchived: ({ isArchived }) => ({ is_archived: isArchived ? 1 : 0 }),
  workDir: ({ workDir }) => ({ work_dir: workDir }),
  partition: ({ partition }) => ({ partition }),
  components: ({ components }) => ({ components: fromComponents(components) }),
  nodeList: ({ nodeList }) => ({ node_list: nodeList }),
  allocated: ({ allocated }) => ({ allocated: fromAllocation(allocated) }),
  startedAt: ({ startedAt }) => ({ started_at: fromInstant(startedAt) }),
  endedAt: ({ endedAt }) => ({ ended_at: fromInstant(endedAt) }),
  estimatedStartAt: ({ estimatedStartAt }) => ({ estimated_start_at: fromInstant(estimatedStartAt) }),
  cancelRequestedAt: ({ cancelRequestedAt }) => ({ cancel_requested_at: fromInstant(cancelRequestedAt) }),
} as const satisfies Partial<Parts<keyof Job>>;

/** All other fields, which never change. A field in neither list is a compile error. */
export const FIXED_PARTS = {
  id: ({ id }) => ({ id }),
  slurmName: ({ slurmName }) => ({ slurm_name: slurmName }),
  projectId: ({ projectId }) => ({ project_id: projectId }),
  clusterName: ({ clusterName }) => ({ cluster_name: clusterName }),
  submittedBy: ({ submittedBy }) => ({ submitted_by: submittedBy }),
  basedOnId: ({ basedOnId }) => ({ based_on_id: basedOnId }),
  command: (job) => ({ command: ownWords(job).command }),
  gitCommit: ({ gitCommit }) => ({ git_commit: gitCommit }),
  hasUncommittedChanges: (job) => ({ has_uncommitted_changes: job.hasUncommittedChanges ? 1 : 0 }),
  resources: ({ resources }) => ({
    nodes: resources.nodes,
    max_nodes: resources.maxNodes,
    tasks: resources.tasks,
    cpus_per_task: resources.cpusPerTask,
    memory_mb: resources.memoryMb,
    gpus: resources.gpus,
    gpus_total: resources.gpusTotal,
    gpus_per_task: resources.gpusPerTask,
    gpu_type: resources.gpuType,
    time_limit_minutes: resources.timeLimitMinutes,
    account: resources.account,
    qos: resources.qos,
    array_spec: resources.array,
  }),
  submittedAt: ({ submittedAt }) => ({ submitted_at: submittedAt.getTime() }),
  arrayParentId: ({ arrayParentId }) => ({ array_parent_id: arrayParentId }),
  arrayTaskId: ({ arrayTaskId }) => ({ array_task_id: arrayTaskId }),
  // Assigned by the store.
  number: () => ({}),
} as const satisfies Parts<Exclude<keyof Job, keyof typeof CHANGING_PARTS>>;

/**
 * Every column but the idempotency key, which belongs to the request, and the number, which the store assigns. Written
 * out, because a loop over the parts takes five times as long.
 */
export function fromJob(job: Job): Omit<JobRow, 'idempotency_key' | 'number'> {
  const { id, slurmName, projectId, clusterName, submittedBy, basedOnId, command } = FIXED_PARTS;
  const { gitCommit, hasUncommittedChanges, resources, submittedAt, arrayParentId, arrayTaskId } = FIXED_PARTS;
  const { slurmJobId, state, evidence, reason, exitCode, signal, attempt, isArchived } = CHANGING_PARTS;
  const { name, description, tags } = CHANGING_PARTS;
  const {
    workDir,
    partition,
    components,
    nodeList,
    allocated,
    startedAt,
    endedAt,
    estimatedStartAt,
    cancelRequestedAt,
  } = CHANGING_PARTS;
  return {
    ...id(job),
    ...name(job),
    ...slurmName(job),
    ...projectId(job),
    ...clusterName(job),
    ...submittedBy(job),
    ...basedOnId(job),
    ...command(job),
    ...gitCommit(job),
    ...hasUncommittedChanges(job),
    ...resources(job),
    ...submittedAt(job),
    ...arrayParentId(job),
    ...arrayTaskId(job),
    ...slurmJobId(job),
    ...state(job),
    ...evidence(job),
    ...reason(job),
    ...exitCode(job),
    ...signal(job),
    ...attempt(job),
    ...description(job),
    ...tags(job),
    ...isArchived(job),
    ...workDir(job),
    ...partition(job),
    ...components(job),
    ...nodeList(job),
    ...allocated(job),
    ...startedAt(job),
    ...endedAt(job),
    ...estimatedStartAt(job),
    ...cancelRequestedAt(job),
    search_text: searchTextOf(job),
  };
}

function searchTextOf(job: Job): string {
  const own = ownWords(job);
  return searchText([own.name, own.command, job.slurmJobId, job.gitCommit, ...own.tags.map(searchedTag)]);
}

const NO_TAGS: readonly string[] = [];
const tagsSchema = z.array(z.string());

function toTags(json: string | null): readonly string[] {
  return json === null ? NO_TAGS : (readJson(json, tagsSchema) ?? NO_TAGS);
}

function fromTags(tags: readonly string[]): string | null {
  return tags.length === 0 ? null : JSON.stringify(tags);
}

const NO_WORDS: WordsOfArray = { name: '', description: null, tags: NO_TAGS, command: '' };

/** Arrays have tens of thousands of tasks, and commands of 32 KiB: a task has no words of its own. */
function ownWords(job: Job): WordsOfArray {
  return job.arrayParentId === null ? job : NO_WORDS;
}

const CHANGING = Object.entries(CHANGING_PARTS) as [keyof typeof CHANGING_PARTS, (job: Job) => Columns][];

/** The columns that differ between two states of a job, with their new values. */
export function changedColumns(before: Job, after: Job): Values {
  const news: Record<string, string | number | null> = {};
  for (const [part, columns] of CHANGING) {
    if (before[part] === after[part]) continue;
    const old: Values = columns(before);
    const now: Values = columns(after);
    for (const column of Object.keys(now)) if (old[column] !== now[column]) news[column] = now[column] ?? null;
  }
  return news;
}

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
