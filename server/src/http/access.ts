import type { IncomingMessage, ServerResponse } from 'node:http';
import { actorOf, type Unknown, type Verdict } from '../auth/index.ts';
import { may, reserved } from '../domain/policy.ts';
import type { Asker, ErrorCode } from '../graphql/index.ts';
import { SECONDS_FOR_A_WRONG_ONE, type Slowed } from './attempts.ts';
import { type AllowedOrigins, ORIGIN_REFUSED } from './cors.ts';
import { isForeign } from './origin.ts';
import { sendError } from './respond.ts';
import { KEY_HEADER } from './session-key.ts';

/** Why a request is refused. A WebSocket is closed with the message, of at most 123 bytes (RFC 6455, 5.5). */
export interface AccessRefusal {
  readonly code: ErrorCode & ('UNAUTHENTICATED' | 'FORBIDDEN' | 'RATE_LIMITED');
  readonly message: string;
}

const UNKNOWN: Readonly<Record<Unknown, string>> = {
  missing: 'A credential is needed: "Authorization: Bearer TOKEN"',
  malformed: 'The Authorization header contains no bearer token: send "Authorization: Bearer TOKEN"',
  wrong: 'The token is wrong',
  over: 'The session is over: sign in again',
  forged: 'The session is over: sign in again',
  keyless: `The session's cookie came without its key (${KEY_HEADER}): sign in again`,
};

/** Sent with `Retry-After`. */
export const SLOWED: AccessRefusal = {
  code: 'RATE_LIMITED',
  message: `Too many wrong credentials came from your address: try again in ${SECONDS_FOR_A_WRONG_ONE} seconds`,
};

export function askerOf(verdict: Verdict & { readonly kind: 'viewer' }): Asker {
  const { viewer, session } = verdict;
  return { actor: actorOf(verdict), account: session === null ? viewer.id : `session ${session.id}` };
}

/** The same rule for HTTP and WebSocket; null: the request may be answered. */
export function refusalOf(
  verdict: Verdict | Slowed,
  request: IncomingMessage,
  origins: AllowedOrigins,
): AccessRefusal | null {
  if (verdict.kind === 'slowed') return SLOWED;
  if (verdict.kind === 'anonymous') return { code: 'UNAUTHENTICATED', message: UNKNOWN[verdict.why] };
  if (!may(actorOf(verdict), 'LOOK')) return { code: 'FORBIDDEN', message: reserved('LOOK') };
  if (!isForeign(request)) return null;
  if (verdict.session !== null) return { code: 'FORBIDDEN', message: 'Another site may not use your session' };
  // Without an origin no page sends a token.
  const { origin } = request.headers;
  return origin === undefined || origins.allows(origin) ? null : { code: 'FORBIDDEN', message: ORIGIN_REFUSED };
}

/** Whether the page's origin isn't listed, so that it may not even try a credential. */
export function isUnlisted(request: IncomingMessage, origins: AllowedOrigins): boolean {
  const { origin } = request.headers;
  return origin !== undefined && isForeign(request) && !origins.allows(origin);
}

const STATUS = { UNAUTHENTICATED: 401, FORBIDDEN: 403, RATE_LIMITED: 429 } as const;

const HEADERS = {
  UNAUTHENTICATED: { 'www-authenticate': 'Bearer' },
  FORBIDDEN: {},
  RATE_LIMITED: { 'retry-after': String(SECONDS_FOR_A_WRONG_ONE) },
} as const;

interface RefusalHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The beginning of a refusal's answer. */
export function headOf({ code }: AccessRefusal): RefusalHead {
  return { status: STATUS[code], headers: HEADERS[code] };
}

export function sendRefusal(response: ServerResponse, refusal: AccessRefusal): void {
  const { status, headers } = headOf(refusal);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendError(response, status, refusal.code, refusal.message);
}
