import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Authenticator, Session } from '../auth/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { type AccessRefusal, SLOWED, sendRefusal } from './access.ts';
import type { Attempts } from './attempts.ts';
import { credentialsOf } from './credentials.ts';
import { isForeign } from './origin.ts';
import { sendError, sendJson } from './respond.ts';
import { forgottenSession, sessionCookie } from './session-cookie.ts';
import { isForm, withKey } from './session-key.ts';
import { safeNext, sendSignInPage } from './sign-in-page.ts';

const WRONG_TOKEN: AccessRefusal = { code: 'UNAUTHENTICATED', message: 'The token is wrong' };
const NOT_WRITTEN =
  'You are signed out, but only until the server restarts: it could not store that. Sign out again when its disk has free space';
const signInSchema = z.object({ token: z.string() });

/** Whose session to create. */
interface SignIns {
  readonly authenticator: Authenticator;
  readonly attempts: Attempts;
}

/**
 * `POST /session` with `{"token": "…"}`: 200 with a cookie and `{"key": "…"}`, or 401. From the form of the sign-in
 * page: a redirect to where the user came from, or the page again.
 */
export function openSession(body: Buffer, request: IncomingMessage, response: ServerResponse, who: SignIns): void {
  const isOfForm = isForm(request.headers['content-type']);
  const form = new URLSearchParams(isOfForm ? body.toString() : '');
  const signIn = signInSchema.safeParse(isOfForm ? { token: form.get('token')?.trim() } : parseJson(body));
  const next = safeNext(form.get('next'));
  // A page of another origin learns nothing about a token, not even how often it may try.
  const verdict = !isForeign(request) && signIn.success ? who.attempts.judge(request, signIn.data.token) : 'wrong';
  if (verdict === 'right') {
    const key = giveCookie(request, response, who.authenticator);
    response.setHeader('cache-control', 'no-store');
    if (isOfForm) response.writeHead(303, { location: withKey(next, key) }).end();
    else sendJson(response, 200, { key });
    return;
  }
  const refusal = verdict === 'wrong' ? WRONG_TOKEN : SLOWED;
  if (isOfForm) sendSignInPage(request, response, { next, refusal });
  else sendRefusal(response, refusal);
}

/** Gives the browser one half of a new session, its cookie. Returns the other, for the page. */
function giveCookie(request: IncomingMessage, response: ServerResponse, authenticator: Authenticator): string {
  const { cookie, key } = authenticator.sessions.open(new Date());
  response.setHeader('set-cookie', sessionCookie(request, cookie));
  return key;
}

/** The Set-Cookie value that renews a session; null: no renewal is due. */
export function renewal(
  request: IncomingMessage,
  session: Session | null,
  authenticator: Authenticator,
): string | null {
  if (session === null || session.renewAt.getTime() > Date.now()) return null;
  return sessionCookie(request, authenticator.sessions.renewed(session, new Date()));
}

/**
 * `DELETE /session`: the session ends, with all that is open under it, and the browser forgets its cookie. Where that
 * can't be written down, the answer is an error and the browser keeps its cookie, to say so again.
 */
export async function endSession(
  request: IncomingMessage,
  response: ServerResponse,
  authenticator: Authenticator,
  log: Logger,
): Promise<void> {
  const { cookies, key = '' } = credentialsOf(request);
  const cookie = authenticator.sessions.choose(cookies, key) ?? '';
  try {
    // Another site can at most make the browser drop the cookie, as can a page that has lost the key.
    if (!isForeign(request)) await authenticator.sessions.end(cookie, key);
  } catch (cause) {
    log.error({ err: cause }, 'The end of a session could not be stored');
    sendError(response, 500, 'INTERNAL_SERVER_ERROR', NOT_WRITTEN);
    return;
  }
  response.setHeader('set-cookie', forgottenSession(request));
  response.writeHead(204, { 'cache-control': 'no-store' }).end();
}

/** The printed URL carries the token once: it becomes a session, and is removed from the URL. True: it was answered. */
export function openSessionFromAddress(request: IncomingMessage, response: ServerResponse, who: SignIns): boolean {
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  const token = url?.searchParams.get('token') ?? null;
  if (url === null || token === null) return false;
  // An image or a frame of another page: no user opened this URL, so it doesn't count as a guess of theirs.
  const { 'sec-fetch-dest': destination = 'document' } = request.headers;
  if (destination !== 'document') return false;
  url.searchParams.delete('token');
  // With two slashes at the beginning, a browser would take the first part for another host.
  const address = `${url.pathname.replace(/^\/+/, '/')}${url.search}`;
  const verdict = who.attempts.judge(request, token);
  if (verdict === 'slowed') {
    sendSignInPage(request, response, { next: address, refusal: SLOWED });
    return true;
  }
  const location = verdict === 'right' ? withKey(address, giveCookie(request, response, who.authenticator)) : address;
  response.writeHead(302, { location, 'cache-control': 'no-store' }).end();
  return true;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}
