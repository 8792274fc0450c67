import { type Kysely, sql } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await sql`create index jobs_by_exit_code on jobs (exit_code, is_archived, submitted_at, number)
    where array_parent_id is null and exit_code is not null`.execute(database);
}
