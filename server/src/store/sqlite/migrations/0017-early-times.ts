import { type Kysely, sql } from 'kysely';

/** The few jobs whose start or end lies before their submission by more than a day, as clocks of clusters have it. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await sql`create index jobs_before_submission on jobs (number)
    where min(coalesce(started_at, submitted_at), coalesce(ended_at, submitted_at)) < submitted_at - 86400000`.execute(
    database,
  );
}
