import type { UserActor } from '../domain/actor.ts';
import type { User } from '../domain/user.ts';
import { isSame } from './is-same.ts';
import { type Session, type SessionStore, Sessions } from './sessions.ts';

/** Tokens of so many characters, as the server makes them, are guessed by nobody, at whatever rate. */
const UNGUESSABLE_LENGTH = 32;

/** Whoever holds the administrator's token. */
export const ADMINISTRATOR: User = { id: 'administrator', name: 'Administrator', role: 'ADMIN' };

/** What a request brought along to say who it is from. */
export interface Credentials {
  /** The Authorization header, or the same in a WebSocket's `connection_init`. */
  readonly authorization: string | undefined;
  /** The values of cookies that may be a session's: another server of the host can set some of the same name. */
  readonly cookies: readonly string[];
  /** The same session's key. */
  readonly key: string | undefined;
}

/** Somebody who may ask, in the way in which they came. */
export function actorOf({ viewer, session }: Verdict & { readonly kind: 'viewer' }): UserActor {
  return { user: viewer, via: session === null ? 'TOKEN' : 'SESSION' };
}

export type Verdict =
  /** `session`: null where the token itself was shown. */
  | { readonly kind: 'viewer'; readonly viewer: User; readonly session: Session | null }
  | { readonly kind: 'anonymous'; readonly why: Unknown };

/**
 * Why nobody is known by a credential: there was none; the Authorization header holds something else than a bearer
 * token; the token is not the right one; the cookie's session is over; the cookie is none of this server's; it came without
 * its key, or with another's.
 */
export type Unknown = 'missing' | 'malformed' | 'wrong' | 'over' | 'forged' | 'keyless';

/** Turns credentials into a viewer. */
export class Authenticator {
  readonly sessions: Sessions;
  readonly #token: string;

  private constructor(token: string, sessions: Sessions) {
    this.#token = token;
    this.sessions = sessions;
  }

  static async open(token: string, store: SessionStore): Promise<Authenticator> {
    return new Authenticator(token, await Sessions.open(token, store));
  }

  /** A token that a person may have made up. Sessions are never that. */
  get isGuessable(): boolean {
    return this.#token.length < UNGUESSABLE_LENGTH;
  }

  isToken(candidate: string): boolean {
    return isSame(candidate, this.#token);
  }

  authenticate({ authorization, cookies, key }: Credentials): Verdict {
    const bearer = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (bearer !== undefined) {
      if (this.isToken(bearer)) return { kind: 'viewer', viewer: ADMINISTRATOR, session: null };
      return { kind: 'anonymous', why: 'wrong' };
    }
    const cookie = this.sessions.choose(cookies, key);
    const session = cookie === undefined ? null : this.sessions.read(cookie);
    if (session !== null && this.sessions.isKey(session, key ?? '')) {
      return { kind: 'viewer', viewer: ADMINISTRATOR, session };
    }
    if (authorization !== undefined) return { kind: 'anonymous', why: 'malformed' };
    if (session !== null) return { kind: 'anonymous', why: 'keyless' };
    if (cookie === undefined) return { kind: 'anonymous', why: 'missing' };
    return { kind: 'anonymous', why: this.sessions.isOwn(cookie) ? 'over' : 'forged' };
  }
}
