import type { Kysely } from 'kysely';

/** Heterogeneous jobs: what their components are asked for with, and what Slurm shows of each. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('jobs').addColumn('components', 'text').execute();
  await database.schema
    .alterTable('job_submissions')
    .addColumn('components', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute();
}
