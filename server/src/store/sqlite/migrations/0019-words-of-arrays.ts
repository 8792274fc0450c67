import { type Kysely, sql } from 'kysely';

/** Tasks have the name, the description and the tags of their array, which each of them had stored again. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await sql`update jobs set name = '', description = null, tags = null where array_parent_id is not null`.execute(
    database,
  );
}
