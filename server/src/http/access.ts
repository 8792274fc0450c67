import type { IncomingMessage } from 'node:http';
import type { Unknown, Verdict } from '../auth/index.ts';
import type { ErrorCode } from '../graphql/index.ts';
import { isForeign } from './origin.ts';

/** Why a request gets no answer. The message is ASCII: a WebSocket is closed with it. */
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
export function refusalOf(verdict: Verdict, request: IncomingMessage): AccessRefusal | null {
  if (verdict.kind === 'anonymous') return { code: 'UNAUTHENTICATED', message: UNKNOWN[verdict.why] };
  if (verdict.session !== null && isForeign(request)) {
    return { code: 'FORBIDDEN', message: 'Another site may not use your session' };
  }
  return null;
}
