import type { Kysely } from 'kysely';

/** By what a request with a used idempotency key is held against the one that used it first. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('job_submissions').addColumn('request_digest', 'text').execute();
}
