import type { IncomingMessage, ServerResponse } from 'node:http';
import { isForeign } from './origin.ts';
import { sendError } from './respond.ts';

/** Headers that a page may read besides those that it always may. */
const EXPOSED = 'Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Retry-After, WWW-Authenticate';
const PREFLIGHT_SECONDS = '7200';

/**
 * Which pages of other origins may use the server, over HTTP and WebSocket alike: only with a token, which they must be
 * given, and never with the browser's cookie.
 */
export class AllowedOrigins {
  readonly #origins: ReadonlySet<string>;

  /** As browsers write them, "https://notebooks.example.org"; "*" stands for all. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  allows(origin: string): boolean {
    return this.#origins.has('*') || this.#origins.has(origin);
  }
}

/** Lets an allowed page read the answer. */
export function addCorsHeaders(request: IncomingMessage, response: ServerResponse, origins: AllowedOrigins): void {
  const { origin } = request.headers;
  response.setHeader('vary', 'Origin');
  if (origin === undefined || !isForeign(request) || !origins.allows(origin)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', EXPOSED);
}

/** Answers a preflight request (Fetch, 4.8), which carries no credential. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse, origins: AllowedOrigins): boolean {
  const { origin } = request.headers;
  if (request.method !== 'OPTIONS' || origin === undefined) return false;
  if (request.headers['access-control-request-method'] === undefined) return false;
  if (!origins.allows(origin)) {
    sendError(response, 403, 'FORBIDDEN', ORIGIN_REFUSED);
    return true;
  }
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, HEAD, POST',
    // Some clients send headers of their own, which are harmless.
    'access-control-allow-headers': request.headers['access-control-request-headers'] ?? 'Authorization, Content-Type',
    'access-control-max-age': PREFLIGHT_SECONDS,
  });
  response.end();
  return true;
}

/** ASCII, because a WebSocket is closed with it. */
export const ORIGIN_REFUSED = 'Pages of this origin may not use the server: name it in SLURMQL_ALLOWED_ORIGINS';
