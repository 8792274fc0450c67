import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator, Verdict } from '../auth/index.ts';
import { credentialsOf, refusalOf } from './access.ts';
import { readBody } from './body.ts';
import { type Connections, NEWCOMER_MS } from './connections.ts';
import type { AllowedOrigins } from './cors.ts';
import { isForeign } from './origin.ts';
import { sendError } from './respond.ts';
import { renewal } from './session.ts';
import { isForm } from './session-key.ts';
import { sendSignInPage, wantsPage } from './sign-in-page.ts';

/** From whoever has shown nothing yet. */
export const SIGN_IN_BODY = { maxBytes: 4 * 1024, timeoutMs: NEWCOMER_MS };

export type Allowed = Verdict & { readonly kind: 'viewer' };

interface DoorOptions {
  readonly authenticator: Authenticator;
  readonly origins: AllowedOrigins;
  readonly connections: Connections;
}

/** Who may have an answer over HTTP. */
export class Door {
  readonly #options: DoorOptions;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Who asks; null when the request has been refused. `key`: of the session, where it comes in another way. */
  authorize(request: IncomingMessage, response: ServerResponse, key?: string): Allowed | null {
    const { authenticator, origins, connections } = this.#options;
    const verdict = authenticator.authenticate(credentialsOf(request, { authorization: undefined, key }));
    const refusal = refusalOf(verdict, request, origins);
    if (refusal === null) {
      if (verdict.kind === 'anonymous') return null;
      connections.prove(request.socket);
      const cookie = renewal(request, verdict.session, authenticator);
      if (cookie !== null) response.setHeader('set-cookie', cookie);
      return verdict;
    }
    const { code, message } = refusal;
    if (code === 'FORBIDDEN') sendError(response, 403, code, message);
    else {
      response.setHeader('www-authenticate', 'Bearer');
      if (wantsPage(request) || key !== undefined) {
        const isKeyAlone = key === undefined && this.isKeyAlone(request);
        sendSignInPage(request, response, { next: request.url ?? '/', message, isKeyAlone });
      } else sendError(response, 401, code, message);
    }
    return null;
  }

  /** Whether a request would be allowed, for what everybody is told something of. */
  isOpenTo(request: IncomingMessage): boolean {
    const { authenticator, origins } = this.#options;
    return refusalOf(authenticator.authenticate(credentialsOf(request)), request, origins) === null;
  }

  /** All it lacks is the key of its session, as what a browser asks for by a link. */
  isKeyAlone(request: IncomingMessage): boolean {
    const verdict = this.#options.authenticator.authenticate(credentialsOf(request));
    return verdict.kind === 'anonymous' && verdict.why === 'keyless' && !isForeign(request);
  }
}

/** The session's key, where a page of this server asks by a form for what a link leads to: a link can't bring it. */
export async function keyOfForm(request: IncomingMessage): Promise<string | undefined> {
  if (request.method !== 'POST' || !isForm(request.headers['content-type'])) return undefined;
  return new URLSearchParams(String(await readBody(request, SIGN_IN_BODY))).get('key') ?? undefined;
}
