import type { Kysely } from 'kysely';

/** What Slurm gave to each job. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema.alterTable('jobs').addColumn('allocated', 'text').execute();
}
