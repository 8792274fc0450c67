import type { Job } from '../domain/job.ts';
import type { Database } from './database.ts';
import { type KeysetPage, keysetPage, type PageRequest } from './keyset.ts';
import { type OnRead, wholePage } from './whole-jobs.ts';

/** Reads jobs that are based on others. */
export class DerivedReader {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** In the order in which they were recorded. */
  async page(id: string, request: PageRequest, onRead: OnRead<Job>): Promise<KeysetPage<Job>> {
    const query = this.#database.selectFrom('jobs').select('id').where('based_on_id', '=', id);
    const found = await keysetPage(query, request, () => ({
      name: 'derived id',
      columns: ['id'],
      descending: false,
      valuesOf: (row) => [row.id],
    }));
    return wholePage(this.#database, found, onRead);
  }

  async count(id: string): Promise<number> {
    const row = await this.#database
      .selectFrom('jobs')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('based_on_id', '=', id)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }
}
