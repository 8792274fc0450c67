import { createHmac, randomBytes } from 'node:crypto';
import { isSame } from './is-same.ts';

const DAY_SECONDS = 24 * 3600;
/** From its last renewal. */
export const SESSION_SECONDS = 7 * DAY_SECONDS;
/** Used after this, a session is renewed. */
const RENEWED_AFTER_SECONDS = DAY_SECONDS;
/** From its beginning, however often it is renewed. */
export const LONGEST_SESSION_SECONDS = 30 * DAY_SECONDS;

/** What a browser's cookie and its page's key stand for together. */
export interface Session {
  readonly id: string;
  readonly beganAt: Date;
  readonly expiresAt: Date;
  /** Its cookie is to be made anew from then on. */
  readonly renewAt: Date;
}

export interface OpenedSession {
  /** For the browser, which sends it to every port of the host. */
  readonly cookie: string;
  /** For the page, which keeps it where no other origin can read it. */
  readonly key: string;
}

/** What is remembered over restarts. */
export interface SessionStore {
  /** Random, and the same at each start. */
  secret(): Promise<string>;
  /** The ids of those that were ended before their time, at least of all that would still be valid by any likely clock. */
  ended(now: Date): Promise<readonly string[]>;
  end(id: string, expiresAt: Date): Promise<void>;
}

/**
 * A session is two halves: neither its cookie nor its key is worth anything alone. Both are made from the token, so a new
 * token ends every session, and from a secret, so that whoever guesses the token can make up none. Neither gives any of
 * them away. Nothing is kept of a session but that it was ended.
 */
export class Sessions {
  readonly #key: Buffer;
  readonly #store: SessionStore;
  readonly #endedIds: Set<string>;

  private constructor(key: Buffer, store: SessionStore, endedIds: Set<string>) {
    this.#key = key;
    this.#store = store;
    this.#endedIds = endedIds;
  }

  static async open(token: string, store: SessionStore): Promise<Sessions> {
    const key = createHmac('sha256', await store.secret())
      .update(token)
      .digest();
    return new Sessions(key, store, new Set(await store.ended(new Date())));
  }

  open(now: Date): OpenedSession {
    const id = randomBytes(12).toString('base64url');
    return { cookie: this.#cookie(id, secondsOf(now), now), key: this.#keyOf(id) };
  }

  /** The cookie with which a session goes on. */
  renewed({ id, beganAt }: Session, now: Date): string {
    return this.#cookie(id, secondsOf(beganAt), now);
  }

  /** The session of a cookie; null: it is none, or it is over. */
  read(cookie: string): Session | null {
    const session = this.#signed(cookie);
    return session !== null && this.isCurrent(session) ? session : null;
  }

  /** Of several cookies, that of the key's session, or else the one that was closest to being one. */
  choose(cookies: readonly string[], key: string | undefined): string | undefined {
    const current = cookies.filter((cookie) => this.read(cookie) !== null);
    const own = current.find((cookie) => {
      const session = this.read(cookie);
      return session !== null && key !== undefined && this.isKey(session, key);
    });
    return own ?? current[0] ?? cookies.find((cookie) => this.isOwn(cookie)) ?? cookies[0];
  }

  /** Whether this server once gave out the cookie. */
  isOwn(cookie: string): boolean {
    return this.#signed(cookie) !== null;
  }

  isKey({ id }: Session, key: string): boolean {
    return isSame(key, this.#keyOf(id));
  }

  /** Whether a session that was valid once still is. */
  isCurrent({ id, expiresAt }: Session): boolean {
    return expiresAt.getTime() > Date.now() && !this.#endedIds.has(id);
  }

  /**
   * Ends a session for good, wherever a copy of its cookie may be. Rejects where it ends for this process alone, as it
   * couldn't be written down: that can be tried again.
   */
  async end(cookie: string, key: string): Promise<void> {
    const session = this.#signed(cookie);
    // Also one that is over by this machine's clock, which may be wrong.
    if (session === null || !this.isKey(session, key)) return;
    this.#endedIds.add(session.id);
    await this.#store.end(session.id, new Date(session.beganAt.getTime() + LONGEST_SESSION_SECONDS * 1000));
  }

  /** That which this server once opened; it may be over. */
  #signed(cookie: string): Session | null {
    const [id = '', began = '', expiry = '', signature = ''] = cookie.split('.');
    if (!isSame(signature, this.#sign(`cookie ${id}.${began}.${expiry}`))) return null;
    const isLast = Number(expiry) >= Number(began) + LONGEST_SESSION_SECONDS;
    const renewal = Number(expiry) - (isLast ? 0 : SESSION_SECONDS - RENEWED_AFTER_SECONDS);
    return { id, beganAt: dateOf(began), expiresAt: dateOf(expiry), renewAt: dateOf(renewal) };
  }

  #cookie(id: string, began: number, now: Date): string {
    const expiry = Math.min(secondsOf(now) + SESSION_SECONDS, began + LONGEST_SESSION_SECONDS);
    const text = `${id}.${began}.${expiry}`;
    return `${text}.${this.#sign(`cookie ${text}`)}`;
  }

  #keyOf(id: string): string {
    return this.#sign(`key ${id}`);
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(`slurmql session ${text}`).digest('base64url');
  }
}

function secondsOf(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function dateOf(seconds: string | number): Date {
  return new Date(Number(seconds) * 1000);
}
