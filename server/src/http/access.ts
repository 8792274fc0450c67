import type { IncomingMessage } from 'node:http';
import type { Unknown, Verdict } from '../auth/index.ts';
import type { ErrorCode } from '../graphql/index.ts';
import { type AllowedOrigins, ORIGIN_REFUSED } from './cors.ts';
import { isForeign } from './origin.ts';

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
};

/** One rule for HTTP and WebSocket; null: the request may be answered. */
export function refusalOf(verdict: Verdict, request: IncomingMessage, origins: AllowedOrigins): AccessRefusal | null {
  if (verdict.kind === 'anonymous') return { code: 'UNAUTHENTICATED', message: UNKNOWN[verdict.why] };
  if (!isForeign(request)) return null;
  if (verdict.session !== null) return { code: 'FORBIDDEN', message: 'Another site may not use your session' };
  // Without an origin no page sends a token.
  const { origin } = request.headers;
  return origin === undefined || origins.allows(origin) ? null : { code: 'FORBIDDEN', message: ORIGIN_REFUSED };
}
