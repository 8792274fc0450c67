import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator, Verdict } from '../auth/index.ts';
import { askerOf, refusalOf, sendRefusal } from './access.ts';
import type { Attempts, Slowed } from './attempts.ts';
import { readBody } from './body.ts';
import { type Connections, NEWCOMER_MS } from './connections.ts';
import type { AllowedOrigins } from './cors.ts';
import { isForeign } from './origin.ts';
import { renewal } from './session.ts';
import { isForm } from './session-key.ts';
import { sendSignInPage, wantsPage } from './sign-in-page.ts';

/** Limits for a body that comes without a credential. */
export const SIGN_IN_BODY = { maxBytes: 4 * 1024, timeoutMs: NEWCOMER_MS };

export type Allowed = Verdict & { readonly kind: 'viewer' };

interface DoorOptions {
  readonly authenticator: Authenticator;
  readonly attempts: Attempts;
  readonly origins: AllowedOrigins;
  readonly connections: Connections;
}

/** Authentication and access over HTTP. */
export class Door {
  readonly #options: DoorOptions;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** The user; null if the request was refused. `key`: of the session, if it is not in the header. */
  authorize(request: IncomingMessage, response: ServerResponse, key?: string): Allowed | null {
    const verdict = this.#options.attempts.authenticate(request, { authorization: undefined, key });
    return this.#admit(verdict, request, response, key);
  }

  /** True: GraphiQL's page may be sent. It is the same for everyone, and sends the session's key with its requests. */
  admitsPage(request: IncomingMessage, response: ServerResponse): boolean {
    const verdict = this.#options.attempts.authenticate(request);
    return isKeyAlone(verdict, request) || this.#admit(verdict, request, response) !== null;
  }

  /** Whether a request would be allowed, for answers of which everybody gets a part. */
  isOpenTo(request: IncomingMessage): boolean {
    const { attempts, origins } = this.#options;
    return refusalOf(attempts.authenticate(request), request, origins) === null;
  }

  #admit(verdict: Verdict | Slowed, request: IncomingMessage, response: ServerResponse, key?: string): Allowed | null {
    const { authenticator, origins, connections } = this.#options;
    const refusal = refusalOf(verdict, request, origins);
    if (refusal === null && verdict.kind === 'viewer') {
      connections.prove(request.socket, askerOf(verdict).account);
      const cookie = renewal(request, verdict.session, authenticator);
      if (cookie !== null) response.setHeader('set-cookie', cookie);
      return verdict;
    }
    if (refusal === null) return null;
    if (refusal.code !== 'FORBIDDEN' && (wantsPage(request) || key !== undefined)) {
      const canShowKey = key === undefined && isKeyAlone(verdict, request);
      sendSignInPage(request, response, { next: request.url ?? '/', refusal, isKeyAlone: canShowKey });
    } else sendRefusal(response, refusal);
    return null;
  }
}

/** The request lacks only the key of its session, as when a browser follows a link. */
function isKeyAlone(verdict: Verdict | Slowed, request: IncomingMessage): boolean {
  return verdict.kind === 'anonymous' && verdict.why === 'keyless' && !isForeign(request);
}

/**
 * The session's key from a form: a page of this server repeats a link's request with it, because links can't carry it.
 */
export async function keyOfForm(request: IncomingMessage): Promise<string | undefined> {
  if (request.method !== 'POST' || !isForm(request.headers['content-type'])) return undefined;
  return new URLSearchParams(String(await readBody(request, SIGN_IN_BODY))).get('key') ?? undefined;
}
