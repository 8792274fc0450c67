import type { Kysely } from 'kysely';

/** Who asked for a change. Of those before, nobody knows. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('job_events').addColumn('actor_id', 'text').execute();
}
