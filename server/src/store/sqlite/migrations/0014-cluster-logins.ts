import type { Kysely } from 'kysely';

/** Which keys a cluster's login took without asking anybody. Of logins before, nobody knows. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('cluster_logins')
    .addColumn('cluster_name', 'text', (column) => column.primaryKey())
    .addColumn('accepted_keys', 'text', (column) => column.notNull())
    .execute();
}
