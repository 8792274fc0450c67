import type { EvidenceSource } from '../domain/evidence.ts';
import type { JobEventKind, JobRequest } from '../domain/job-event.ts';
import type { JobState } from '../domain/job-state.ts';

// Conventions that SQLite and PostgreSQL share: instants are whole milliseconds since 1970 (bigint), flags are 0 or 1,
// lists are JSON texts, ids are texts.

export interface ProjectsTable {
  id: string;
  name: string;
  path: string;
  conda_env: string | null;
  prologue: string | null;
  remote_url: string | null;
  branch: string | null;
  head_sha: string | null;
  head_subject: string | null;
  head_author: string | null;
  head_committed_at: number | null;
  is_dirty: number;
  branches: string;
  tags: string;
  uncommitted_files: string;
  synced_at: number;
  fault_status: string | null;
  fault_message: string | null;
}

export interface JobsTable {
  id: string;
  name: string;
  slurm_name: string;
  project_id: string | null;
  cluster_name: string;
  submitted_by: string;
  idempotency_key: string | null;
  slurm_job_id: string | null;
  state: JobState;
  evidence_source: EvidenceSource | null;
  evidence_word: string | null;
  evidence_seen_at: number | null;
  /** Derived from `state`, so that an index can find the few active jobs. */
  is_active: number;
  reason: string | null;
  exit_code: number | null;
  signal: number | null;
  attempt: number;
  description: string | null;
  /** JSON list of texts; null: it has none. */
  tags: string | null;
  based_on_id: string | null;
  is_archived: number;
  /** Empty for a task: its array has it. Tasks of earlier versions have it, too. */
  command: string;
  git_commit: string | null;
  has_uncommitted_changes: number;
  work_dir: string | null;
  partition: string | null;
  nodes: number | null;
  max_nodes: number | null;
  tasks: number | null;
  cpus_per_task: number | null;
  memory_mb: number | null;
  gpus: number | null;
  gpus_total: number | null;
  gpus_per_task: number | null;
  gpu_type: string | null;
  time_limit_minutes: number | null;
  account: string | null;
  qos: string | null;
  array_spec: string | null;
  /** JSON list of what Slurm shows of each component; null for a job that isn't heterogeneous. */
  components: string | null;
  node_list: string | null;
  /** JSON of the allocation; null before the job runs. */
  allocated: string | null;
  submitted_at: number;
  started_at: number | null;
  ended_at: number | null;
  estimated_start_at: number | null;
  cancel_requested_at: number | null;
  array_parent_id: string | null;
  array_task_id: number | null;
  /** Grows with each recorded job; null for the tasks of arrays, which lists show only on request. */
  number: number | null;
  /** The text for searches, in lower case; see `searchText`. */
  search_text: string;
}

/** Values that only the submission needs, and the script: large, and read one job at a time. */
export interface JobSubmissionsTable {
  job_id: string;
  script: string | null;
  /** JSON list of {name, value}. Values may be secrets: they reach the cluster and nothing else. */
  environment: string;
  /** JSON list of sbatch options. */
  extra_options: string;
  /** JSON list of {jobId, kind}. */
  depends_on: string;
  conda_env: string | null;
  prologue: string | null;
  requested_partition: string | null;
  git_ref: string | null;
  /** JSON list of the requests of the components after the first. */
  components: string;
  /** Of a request with an idempotency key, what it asked for without its values; null: none is known. */
  request_digest: string | null;
  is_singleton: number;
  message: string | null;
  /** JSON of what of the cluster decided how it ran, as its script; null: not known. */
  cluster_facts: string | null;
}

/** Attempts that a requeue has closed; the current one is part of the job. */
export interface JobAttemptsTable {
  job_id: string;
  number: number;
  outcome: string | null;
  exit_code: number | null;
  signal: number | null;
  started_at: number | null;
  ended_at: number | null;
  node_list: string | null;
}

export interface JobEventsTable {
  sequence: number;
  job_id: string;
  kind: JobEventKind;
  at: number;
  from_state: JobState | null;
  state: JobState;
  /** JSON of what was changed besides the state, as it was before; null: nothing that jobs are found by. */
  changed_from: string | null;
  message: string | null;
  /** What that user asked for; null: to submit it, or nobody asked. */
  request: JobRequest | null;
  /** Of the user who asked for it; null: nobody did. */
  actor_id: string | null;
}

/** Sessions of browsers that were ended before their time. */
export interface RevokedSessionsTable {
  id: string;
  expires_at: number;
}

/** One row. */
export interface SessionSecretTable {
  id: number;
  secret: string;
}

/** What was last known of a cluster: it outlives the cluster's entry in clusters.yaml. */
export interface ClustersTable {
  name: string;
  host: string;
  slurm_version: string | null;
  last_polled_at: number | null;
}

/** What the last login to a cluster took to let in; no row: there was none, or it asked a person. */
export interface ClusterLoginsTable {
  cluster_name: string;
  /** JSON object: fingerprints of public keys by `user@host:port` of each host on the way. */
  accepted_keys: string;
}

/** Jobs in the order of their numbers, `JOBS_A_BLOCK` each: when the earliest and the latest were submitted. */
export interface JobBlocksTable {
  block: number;
  earliest: number;
  latest: number;
}

export interface Tables {
  projects: ProjectsTable;
  jobs: JobsTable;
  job_submissions: JobSubmissionsTable;
  job_attempts: JobAttemptsTable;
  job_events: JobEventsTable;
  clusters: ClustersTable;
  cluster_logins: ClusterLoginsTable;
  revoked_sessions: RevokedSessionsTable;
  session_secret: SessionSecretTable;
  job_blocks: JobBlocksTable;
}
