import { randomBytes } from 'node:crypto';
import type { Database } from './database.ts';

const FORGOTTEN_AFTER_MS = 365 * 24 * 3600_000;
/** So many that were ended are never forgotten, however wrong this machine's clock is: they are a megabyte or so. */
export const KEPT_ENDED_SESSIONS = 10_000;

/** What sessions of browsers need over restarts. */
export class SessionQueries {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** 256 random bits of this database's own, with which sessions are signed. */
  async secret(): Promise<string> {
    const made = randomBytes(32).toString('base64url');
    await this.#database
      .insertInto('session_secret')
      .values({ id: 1, secret: made })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return (await this.#database.selectFrom('session_secret').select('secret').executeTakeFirstOrThrow()).secret;
  }

  /**
   * The ids of those that were ended before their time. Forgets those that have been over for a year, and of them only
   * what is more than is kept: this machine's clock may be ahead, and what is forgotten would be valid again once it is
   * right.
   */
  async ended(now: Date): Promise<string[]> {
    const lastKept = await this.#database
      .selectFrom('revoked_sessions')
      .select('expires_at')
      .orderBy('expires_at', 'desc')
      .offset(KEPT_ENDED_SESSIONS - 1)
      .limit(1)
      .executeTakeFirst();
    if (lastKept !== undefined) {
      const since = Math.min(lastKept.expires_at, now.getTime() - FORGOTTEN_AFTER_MS);
      await this.#database.deleteFrom('revoked_sessions').where('expires_at', '<', since).execute();
    }
    const rows = await this.#database.selectFrom('revoked_sessions').select('id').execute();
    return rows.map(({ id }) => id);
  }

  async end(id: string, expiresAt: Date): Promise<void> {
    await this.#database
      .insertInto('revoked_sessions')
      .values({ id, expires_at: expiresAt.getTime() })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}
