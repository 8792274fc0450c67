import type { Kysely } from 'kysely';

/** What sbatch said beside the number of a job that it took. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('job_submissions').addColumn('message', 'text').execute();
}
