import type { Database } from './database.ts';

/** Sessions of browsers that were ended before their time, until they would have ended anyway. */
export class RevokedSessionQueries {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The ids of those that would still be valid. Forgets the others. */
  async current(now: Date): Promise<string[]> {
    await this.#database.deleteFrom('revoked_sessions').where('expires_at', '<=', now.getTime()).execute();
    const rows = await this.#database.selectFrom('revoked_sessions').select('id').execute();
    return rows.map(({ id }) => id);
  }

  async add(id: string, expiresAt: Date): Promise<void> {
    await this.#database
      .insertInto('revoked_sessions')
      .values({ id, expires_at: expiresAt.getTime() })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}
