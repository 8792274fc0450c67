import type { Kysely } from 'kysely';

/** Sessions are signed with more than the token, which may be one that can be guessed. Those before end. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('session_secret')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('secret', 'text', (column) => column.notNull())
    .execute();
}
