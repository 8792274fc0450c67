import type { Kysely } from 'kysely';

/** What else git tells of a repository, and what kept it from that. The projects before show it once they are read again. */
export async function up(database: Kysely<unknown>): Promise<void> {
  for (const list of ['tags', 'uncommitted_files']) {
    await database.schema
      .alterTable('projects')
      .addColumn(list, 'text', (column) => column.notNull().defaultTo('[]'))
      .execute();
  }
  for (const text of ['fault_status', 'fault_message']) {
    await database.schema.alterTable('projects').addColumn(text, 'text').execute();
  }
}
