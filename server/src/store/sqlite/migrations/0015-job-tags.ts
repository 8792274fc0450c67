import type { Kysely } from 'kysely';

/** What users sort a job by. The jobs before have none. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('jobs').addColumn('tags', 'text').execute();
}
