import type { IncomingMessage } from 'node:http';
import type { Credentials, Unknown, Verdict } from '../auth/index.ts';
import type { ErrorCode } from '../graphql/index.ts';
import { type AllowedOrigins, ORIGIN_REFUSED } from './cors.ts';
import { isForeign } from './origin.ts';
import { readSessionCookie } from './session-cookie.ts';
import { KEY_HEADER } from './session-key.ts';

/** Why a request gets no answer. A WebSocket is closed with the message: 123 bytes at most (RFC 6455, 5.5). */
export interface AccessRefusal {
  readonly code: ErrorCode & ('UNAUTHENTICATED' | 'FORBIDDEN');
  readonly message: string;
}

const UNKNOWN: Readonly<Record<Unknown, string>> = {
  missing: 'A credential is needed: "Authorization: Bearer TOKEN"',
  malformed: 'The Authorization header holds no bearer token: write "Authorization: Bearer TOKEN"',
  wrong: "The token is not this server's",
  over: 'The session is over: sign in again',
  keyless: `The session's cookie came without its key (${KEY_HEADER}): sign in again`,
};

/** What a request says by its headers, or in another way where that has words for it. */
export function credentialsOf(
  request: IncomingMessage,
  said: Omit<Credentials, 'cookie'> = { authorization: undefined, key: undefined },
): Credentials {
  const { authorization, [KEY_HEADER]: key } = request.headers;
  return {
    authorization: said.authorization ?? authorization,
    cookie: readSessionCookie(request),
    key: said.key ?? (typeof key === 'string' ? key : undefined),
  };
}

/** One rule for HTTP and WebSocket; null: the request may be answered. */
export function refusalOf(verdict: Verdict, request: IncomingMessage, origins: AllowedOrigins): AccessRefusal | null {
  if (verdict.kind === 'anonymous') return { code: 'UNAUTHENTICATED', message: UNKNOWN[verdict.why] };
  if (!isForeign(request)) return null;
  if (verdict.session !== null) return { code: 'FORBIDDEN', message: 'Another site may not use your session' };
  // Without an origin no page sends a token.
  const { origin } = request.headers;
  return origin === undefined || origins.allows(origin) ? null : { code: 'FORBIDDEN', message: ORIGIN_REFUSED };
}
