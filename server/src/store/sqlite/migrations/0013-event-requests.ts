import type { Kysely } from 'kysely';

/** What was asked for. Of the events before, the state alone says it. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('job_events').addColumn('request', 'text').execute();
}
