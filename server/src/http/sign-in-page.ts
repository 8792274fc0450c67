import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AccessRefusal, headOf } from './access.ts';
import { PAGE_REFERRER_POLICY } from './security-headers.ts';
import { KEY_SCRIPT_PATH } from './session-key.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  "style-src 'unsafe-inline'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** Whether a browser opens a URL as a page. */
export function wantsPage({ method, headers }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && /\btext\/html\b/.test(headers.accept ?? '');
}

export interface SignInPage {
  /** The way back. */
  readonly next: string;
  /** Why there is no answer. */
  readonly refusal: AccessRefusal;
  /** Only the key of the session is missing, which pages of this server have: the page repeats the request with it. */
  readonly isKeyAlone?: boolean;
}

/** The sign-in page, instead of an answer that needs a credential. Its form works without scripts. */
export function sendSignInPage(
  request: IncomingMessage,
  response: ServerResponse,
  { next, refusal, isKeyAlone = false }: SignInPage,
): void {
  // A link on another site sends no cookie (SameSite=Strict), but reloading from this page does.
  const site = request.headers['sec-fetch-site'];
  const isFromElsewhere = request.method === 'GET' && (site === 'cross-site' || site === 'same-site');
  if (isFromElsewhere) response.setHeader('refresh', '0');
  const opening =
    isKeyAlone && !isFromElsewhere
      ? `<form id="open" method="post"><input type="hidden" name="key" /></form><script src="${KEY_SCRIPT_PATH}"></script>`
      : '';
  const { status, headers } = headOf(refusal);
  response.writeHead(status, {
    ...headers,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'referrer-policy': PAGE_REFERRER_POLICY,
    'cache-control': 'no-store',
  });
  response.end(`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Sign in – SlurmQL</title>
    <style>
      body { font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 20vh auto 0; padding: 0 1rem }
      input, button { font: inherit; box-sizing: border-box; width: 100%; padding: 0.4rem; margin: 0.25rem 0 0.75rem }
    </style>
  </head>
  <body>
    <main>
    <h1>Sign in to SlurmQL</h1>
    <p role="alert">${escaped(refusal.message)}</p>
    <form method="post" action="/session">
      <input type="hidden" name="next" value="${escaped(next)}" />
      <label>Token <input name="token" type="password" autocomplete="off" required autofocus /></label>
      <button type="submit">Sign in</button>
    </form>
    <p>The server prints an address with the token when it starts, and keeps the token in its data directory. Programs send
      it as <code>Authorization: Bearer TOKEN</code>.</p>
    </main>
    ${opening}
  </body>
</html>
`);
}

/** The path to return to after the sign-in; "/" for anything that is not a path of this server. */
export function safeNext(address: string | null): string {
  // With a second slash, or a backslash, which browsers read as one, it would name another host.
  return address !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(address) ? address : '/';
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? '');
}
