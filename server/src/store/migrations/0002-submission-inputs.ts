import type { Kysely } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('job_submissions').addColumn('requested_partition', 'text').execute();
  await database.schema.alterTable('job_submissions').addColumn('git_ref', 'text').execute();
}
