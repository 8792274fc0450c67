import type { Kysely } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('clusters')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('slurm_version', 'text')
    .addColumn('last_polled_at', 'bigint')
    .execute();

  await database.schema
    .createTable('projects')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('path', 'text', (column) => column.notNull())
    .addColumn('conda_env', 'text')
    .addColumn('prologue', 'text')
    .addColumn('remote_url', 'text')
    .addColumn('branch', 'text')
    .addColumn('head_sha', 'text')
    .addColumn('head_subject', 'text')
    .addColumn('head_author', 'text')
    .addColumn('head_committed_at', 'bigint')
    .addColumn('is_dirty', 'integer', (column) => column.notNull())
    .addColumn('branches', 'text', (column) => column.notNull())
    .addColumn('synced_at', 'bigint', (column) => column.notNull())
    .execute();

  await database.schema
    .createTable('jobs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('slurm_name', 'text', (column) => column.notNull())
    .addColumn('project_id', 'text', (column) => column.references('projects.id').onDelete('set null'))
    .addColumn('cluster_name', 'text', (column) => column.notNull())
    .addColumn('submitted_by', 'text', (column) => column.notNull())
    .addColumn('idempotency_key', 'text')
    .addColumn('slurm_job_id', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('evidence_source', 'text')
    .addColumn('evidence_word', 'text')
    .addColumn('evidence_seen_at', 'bigint')
    .addColumn('is_active', 'integer', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('exit_code', 'integer')
    .addColumn('signal', 'integer')
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('based_on_id', 'text', (column) => column.references('jobs.id'))
    .addColumn('is_archived', 'integer', (column) => column.notNull())
    .addColumn('command', 'text', (column) => column.notNull())
    .addColumn('git_commit', 'text')
    .addColumn('has_uncommitted_changes', 'integer', (column) => column.notNull())
    .addColumn('work_dir', 'text')
    .addColumn('partition', 'text')
    .addColumn('nodes', 'integer')
    .addColumn('tasks', 'integer')
    .addColumn('cpus_per_task', 'integer')
    .addColumn('memory_mb', 'bigint')
    .addColumn('gpus', 'integer')
    .addColumn('gpu_type', 'text')
    .addColumn('time_limit_minutes', 'integer')
    .addColumn('account', 'text')
    .addColumn('qos', 'text')
    .addColumn('array_spec', 'text')
    .addColumn('node_list', 'text')
    .addColumn('submitted_at', 'bigint', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('estimated_start_at', 'bigint')
    .addColumn('cancel_requested_at', 'bigint')
    .addColumn('array_parent_id', 'text', (column) => column.references('jobs.id'))
    .addColumn('array_task_id', 'integer')
    .execute();
  await database.schema
    .createIndex('jobs_idempotency')
    .unique()
    .on('jobs')
    .columns(['submitted_by', 'idempotency_key'])
    .execute();
  await database.schema.createIndex('jobs_active').on('jobs').columns(['is_active', 'cluster_name']).execute();
  await database.schema.createIndex('jobs_recent').on('jobs').columns(['submitted_at', 'id']).execute();
  await database.schema.createIndex('jobs_of_project').on('jobs').columns(['project_id', 'submitted_at']).execute();
  await database.schema.createIndex('jobs_of_array').on('jobs').columns(['array_parent_id', 'array_task_id']).execute();
  await database.schema.createIndex('jobs_in_slurm').on('jobs').columns(['cluster_name', 'slurm_job_id']).execute();
  await database.schema.createIndex('jobs_based_on').on('jobs').column('based_on_id').execute();

  await database.schema
    .createTable('job_submissions')
    .addColumn('job_id', 'text', (column) => column.primaryKey().references('jobs.id').onDelete('cascade'))
    .addColumn('script', 'text')
    .addColumn('environment', 'text', (column) => column.notNull())
    .addColumn('extra_options', 'text', (column) => column.notNull())
    .addColumn('depends_on', 'text', (column) => column.notNull())
    .addColumn('conda_env', 'text')
    .addColumn('prologue', 'text')
    .addColumn('requested_partition', 'text')
    .addColumn('git_ref', 'text')
    .execute();

  await database.schema
    .createTable('job_attempts')
    .addColumn('job_id', 'text', (column) => column.notNull().references('jobs.id').onDelete('cascade'))
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('outcome', 'text')
    .addColumn('exit_code', 'integer')
    .addColumn('signal', 'integer')
    .addColumn('started_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('node_list', 'text')
    .addPrimaryKeyConstraint('job_attempts_key', ['job_id', 'number'])
    .execute();

  await database.schema
    .createTable('job_events')
    .addColumn('sequence', 'bigint', (column) => column.primaryKey())
    .addColumn('job_id', 'text', (column) => column.notNull().references('jobs.id').onDelete('cascade'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('from_state', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('message', 'text')
    .execute();
  await database.schema.createIndex('job_events_of_job').on('job_events').columns(['job_id', 'sequence']).execute();
}
