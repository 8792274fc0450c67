import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { type Authenticator, FORGET_SESSION } from '../auth/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { isForeign } from './origin.ts';
import { sendError } from './respond.ts';
import { safeNext, sendSignInPage } from './sign-in-page.ts';

const WRONG_TOKEN = 'This is not the token';
const NOT_WRITTEN =
  'You are signed out, but only until the server starts again: it could not write that down. Sign out once more when its disk has room';
const signInSchema = z.object({ token: z.string() });

/**
 * `POST /session` with `{"token": "…"}`: 204 and a cookie, or 401. From the form of the sign-in page: back to where
 * somebody came from, or the page again.
 */
export function openSession(
  body: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
  authenticator: Authenticator,
): void {
  const isForm = /^application\/x-www-form-urlencoded\b/.test(request.headers['content-type'] ?? '');
  const form = new URLSearchParams(isForm ? body.toString() : '');
  const signIn = signInSchema.safeParse(isForm ? { token: form.get('token')?.trim() } : parseJson(body));
  const next = safeNext(form.get('next'));
  if (!isForeign(request) && signIn.success && authenticator.isToken(signIn.data.token)) {
    response.setHeader('set-cookie', authenticator.sessionCookie(new Date()));
    response.setHeader('cache-control', 'no-store');
    if (isForm) response.writeHead(303, { location: next }).end();
    else response.writeHead(204).end();
  } else if (isForm) sendSignInPage(request, response, { next, message: WRONG_TOKEN });
  else sendError(response, 401, 'UNAUTHENTICATED', WRONG_TOKEN);
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
  try {
    // Another site may at most have the cookie forgotten that it can't read.
    if (!isForeign(request)) await authenticator.revoke(request.headers.cookie);
  } catch (cause) {
    log.error({ err: cause }, 'The end of a session could not be written down');
    sendError(response, 500, 'INTERNAL_SERVER_ERROR', NOT_WRITTEN);
    return;
  }
  response.setHeader('set-cookie', FORGET_SESSION);
  response.writeHead(204, { 'cache-control': 'no-store' }).end();
}

/** The printed address carries the token once: it becomes a cookie, and leaves the address. True: it was answered. */
export function openSessionFromAddress(
  request: IncomingMessage,
  response: ServerResponse,
  authenticator: Authenticator,
): boolean {
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  const token = url?.searchParams.get('token') ?? null;
  if (url === null || token === null) return false;
  if (authenticator.isToken(token)) response.setHeader('set-cookie', authenticator.sessionCookie(new Date()));
  url.searchParams.delete('token');
  // With two slashes at its beginning, a browser would take the first word for another server.
  const path = url.pathname.replace(/^\/+/, '/');
  response.writeHead(302, { location: `${path}${url.search}`, 'cache-control': 'no-store' }).end();
  return true;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}
