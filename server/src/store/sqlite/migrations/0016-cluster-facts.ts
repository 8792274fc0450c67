import type { Kysely } from 'kysely';

/** What of its cluster decided how a job ran. It is not known of the jobs before. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('job_submissions').addColumn('cluster_facts', 'text').execute();
}
