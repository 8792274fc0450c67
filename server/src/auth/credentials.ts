import { createHmac, timingSafeEqual } from 'node:crypto';
import type { User } from '../domain/user.ts';

/** Whoever holds the administrator's token. */
export const ADMINISTRATOR: User = { id: 'administrator', name: 'Administrator', role: 'ADMIN' };

export const SESSION_COOKIE = 'slurmql_session';
export const SESSION_SECONDS = 30 * 24 * 3600;

/** What a request brought along to say who it is from. */
export interface Credentials {
  /** The Authorization header, or the same in a WebSocket's `connection_init`. */
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

export type Verdict =
  | { readonly kind: 'viewer'; readonly viewer: User; readonly by: 'token' | 'cookie' }
  | { readonly kind: 'anonymous' };

/**
 * Turns credentials into a viewer. Cookies are signed with the token and hold nothing but their expiry, so a new token
 * ends every session, and no cookie gives the token away.
 */
export class Authenticator {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  isToken(candidate: string): boolean {
    return isSame(candidate, this.#token);
  }

  authenticate({ authorization, cookie }: Credentials): Verdict {
    const bearer = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (bearer !== undefined) {
      return this.isToken(bearer) ? { kind: 'viewer', viewer: ADMINISTRATOR, by: 'token' } : { kind: 'anonymous' };
    }
    const session = readCookie(cookie, SESSION_COOKIE);
    return session !== undefined && this.#isSession(session)
      ? { kind: 'viewer', viewer: ADMINISTRATOR, by: 'cookie' }
      : { kind: 'anonymous' };
  }

  /** The value of a Set-Cookie header that opens a session; `null` ends it. */
  sessionCookie(now: Date | null): string {
    const attributes = 'Path=/; HttpOnly; SameSite=Strict';
    if (now === null) return `${SESSION_COOKIE}=; ${attributes}; Max-Age=0`;
    const expiry = String(Math.floor(now.getTime() / 1000) + SESSION_SECONDS);
    return `${SESSION_COOKIE}=${expiry}.${this.#sign(expiry)}; ${attributes}; Max-Age=${SESSION_SECONDS}`;
  }

  #isSession(value: string): boolean {
    const [expiry = '', signature = ''] = value.split('.');
    return isSame(signature, this.#sign(expiry)) && Number(expiry) * 1000 > Date.now();
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#token).update(`slurmql session ${text}`).digest('base64url');
  }
}

/** In constant time whatever the texts are, which `===` is not. */
function isSame(left: string, right: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function readCookie(header: string | undefined, name: string): string | undefined {
  return header
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}
