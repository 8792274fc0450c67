import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { User } from '../domain/user.ts';

/** Whoever holds the administrator's token. */
export const ADMINISTRATOR: User = { id: 'administrator', name: 'Administrator', role: 'ADMIN' };

export const SESSION_COOKIE = 'slurmql_session';
export const SESSION_SECONDS = 30 * 24 * 3600;
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Strict';

/** What a request brought along to say who it is from. */
export interface Credentials {
  /** The Authorization header, or the same in a WebSocket's `connection_init`. */
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

/** What a browser's cookie stands for. */
export interface Session {
  readonly id: string;
  readonly expiresAt: Date;
}

export type Verdict =
  /** `session`: null where the token itself was shown. */
  | { readonly kind: 'viewer'; readonly viewer: User; readonly session: Session | null }
  | { readonly kind: 'anonymous'; readonly why: Unknown };

/**
 * Why nobody is known by a credential: there was none; the Authorization header holds something else than a bearer
 * token; the token is not the right one; the cookie's session is over.
 */
export type Unknown = 'missing' | 'malformed' | 'wrong' | 'over';

/** Remembers sessions that were ended before their time, over restarts. */
export interface RevokedSessions {
  /** The ids of those that would still be valid. */
  current(now: Date): Promise<readonly string[]>;
  add(id: string, expiresAt: Date): Promise<void>;
}

/**
 * Turns credentials into a viewer. Cookies are signed with the token and hold nothing but the session's id and expiry,
 * so a new token ends every session, and no cookie gives the token away.
 */
export class Authenticator {
  readonly #token: string;
  readonly #revoked: RevokedSessions;
  readonly #revokedIds = new Set<string>();

  constructor(token: string, revoked: RevokedSessions) {
    this.#token = token;
    this.#revoked = revoked;
  }

  async start(): Promise<void> {
    for (const id of await this.#revoked.current(new Date())) this.#revokedIds.add(id);
  }

  isToken(candidate: string): boolean {
    return isSame(candidate, this.#token);
  }

  authenticate({ authorization, cookie }: Credentials): Verdict {
    const bearer = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (bearer !== undefined) {
      if (this.isToken(bearer)) return { kind: 'viewer', viewer: ADMINISTRATOR, session: null };
      return { kind: 'anonymous', why: 'wrong' };
    }
    const session = this.#session(cookie);
    if (session !== null) return { kind: 'viewer', viewer: ADMINISTRATOR, session };
    if (authorization !== undefined) return { kind: 'anonymous', why: 'malformed' };
    return { kind: 'anonymous', why: readCookie(cookie, SESSION_COOKIE) === undefined ? 'missing' : 'over' };
  }

  /** Whether a session that was valid once still is. */
  isCurrent({ id, expiresAt }: Session): boolean {
    return expiresAt.getTime() > Date.now() && !this.#revokedIds.has(id);
  }

  /** The value of a Set-Cookie header that opens a session. */
  sessionCookie(now: Date): string {
    const expiry = Math.floor(now.getTime() / 1000) + SESSION_SECONDS;
    const text = `${randomBytes(12).toString('base64url')}.${expiry}`;
    return `${SESSION_COOKIE}=${text}.${this.#sign(text)}; ${ATTRIBUTES}; Max-Age=${SESSION_SECONDS}`;
  }

  /**
   * Ends the cookie's session for good, wherever a copy of the cookie may be. Rejects where it ends for this process
   * alone, as it couldn't be written down: that can be tried again.
   */
  async revoke(cookie: string | undefined): Promise<void> {
    const session = this.#signedSession(cookie);
    if (session === null || session.expiresAt.getTime() <= Date.now()) return;
    this.#revokedIds.add(session.id);
    await this.#revoked.add(session.id, session.expiresAt);
  }

  #session(cookie: string | undefined): Session | null {
    const session = this.#signedSession(cookie);
    return session !== null && this.isCurrent(session) ? session : null;
  }

  /** That which this server once opened; it may be over. */
  #signedSession(cookie: string | undefined): Session | null {
    const [id = '', expiry = '', signature = ''] = readCookie(cookie, SESSION_COOKIE)?.split('.') ?? [];
    if (!isSame(signature, this.#sign(`${id}.${expiry}`))) return null;
    return { id, expiresAt: new Date(Number(expiry) * 1000) };
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#token).update(`slurmql session ${text}`).digest('base64url');
  }
}

/** The value of a Set-Cookie header with which a browser forgets its session. */
export const FORGET_SESSION = `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0`;

/** In constant time whatever the texts are, which `===` is not. */
function isSame(left: string, right: string): boolean {
  return timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));
}

function readCookie(header: string | undefined, name: string): string | undefined {
  return header
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}
