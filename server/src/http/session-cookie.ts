import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { SESSION_SECONDS } from '../auth/index.ts';

const NAME = 'slurmql_session';
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Strict';

/** A browser has one of this server's; each is checked. */
const MOST_COOKIES = 8;

/**
 * The values of cookies with this server's names. Browsers send cookies to every port of a host, so each server there
 * has a name of its own. Another server can still set one of that name, which comes first if its path is longer.
 */
export function readSessionCookies(request: IncomingMessage): readonly string[] {
  const cookies = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  // The last name is that of an earlier release, whose sessions are no longer valid.
  const named = [...namesOf(request), NAME].flatMap((name) =>
    cookies.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1)),
  );
  return named.slice(0, MOST_COOKIES);
}

/** The value of a Set-Cookie header. */
export function sessionCookie(request: IncomingMessage, value: string): string {
  return setCookie(nameOf(request, isSecure(request)), value, SESSION_SECONDS);
}

/** The values of Set-Cookie headers with which a browser forgets its session here. */
export function forgottenSession(request: IncomingMessage): string[] {
  return namesOf(request).map((name) => setCookie(name, '', 0));
}

function setCookie(name: string, value: string, seconds: number): string {
  // Accepted by browsers only over HTTPS and only from this host (RFC 6265bis, 4.1.3.2).
  const secure = name.startsWith('__Host-') ? '; Secure' : '';
  return `${name}=${value}; ${ATTRIBUTES}${secure}; Max-Age=${seconds}`;
}

function namesOf(request: IncomingMessage): readonly string[] {
  return [nameOf(request, true), nameOf(request, false)];
}

function nameOf({ headers }: IncomingMessage, secure: boolean): string {
  const port = /:(\d+)$/.exec(headers.host ?? '')?.[1] ?? (secure ? '443' : '80');
  return `${secure ? '__Host-' : ''}${NAME}_${port}`;
}

/**
 * Whether the browser uses HTTPS, according to it or a proxy. With a wrong claim, the browser doesn't keep the cookie.
 */
function isSecure({ headers, socket }: IncomingMessage): boolean {
  const forwarded = [headers['x-forwarded-proto'] ?? []].flat().join(',').split(',', 1)[0]?.trim();
  return (
    forwarded === 'https' || headers.origin?.startsWith('https://') === true || (socket as TLSSocket).encrypted === true
  );
}
