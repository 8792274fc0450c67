import type { Kysely } from 'kysely';

/** Ranges of nodes, GPUs in all and per task, and jobs that run one at a time. */
export async function up(database: Kysely<unknown>): Promise<void> {
  for (const column of ['max_nodes', 'gpus_total', 'gpus_per_task']) {
    await database.schema.alterTable('jobs').addColumn(column, 'integer').execute();
  }
  await database.schema
    .alterTable('job_submissions')
    .addColumn('is_singleton', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
