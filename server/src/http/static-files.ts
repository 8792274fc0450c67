import { existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import sirv from 'sirv';
import { acceptedCoding } from './compression.ts';
import { PAGE_REFERRER_POLICY, SECURITY_HEADERS } from './security-headers.ts';

/** The dashboard loads nothing from elsewhere and runs no script that isn't a file of its own. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

export type StaticFiles = (request: IncomingMessage, response: ServerResponse) => void;

/** The built dashboard; each path that is no file is the application's own. */
export function staticFiles(directory: string): StaticFiles {
  if (!existsSync(join(directory, 'index.html'))) {
    return (_request, response) => {
      response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('The dashboard has not been built. Run: npm run build\n');
    };
  }
  const serve = sirv(directory, {
    single: true,
    etag: true,
    // Made by the build, beside each file.
    brotli: true,
    gzip: true,
    // Not what the client holds, but the file's own.
    setHeaders: (response) => response.removeHeader('etag'),
  });
  return (request, response) => {
    const { headers } = request;
    // sirv looks for a coding's name alone, and would send what was refused with a weight of 0.
    headers['accept-encoding'] = acceptedCoding(headers['accept-encoding']) ?? '';
    // It takes "the last 500 bytes" for the first ones; a server may send the whole (RFC 9110, section 14.2).
    delete headers.range;
    // "Not modified" has to say of what, and what else it depends on (section 15.4.5); sirv says neither.
    response.setHeader('vary', 'Accept-Encoding');
    const held = headers['if-none-match'];
    if (held !== undefined) response.setHeader('etag', held);
    // With "not modified" too: browsers put its headers in the place of those that they hold.
    response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
    response.setHeader('referrer-policy', PAGE_REFERRER_POLICY);
    // Names under assets/ change with their content.
    const isHashed = request.url?.startsWith('/assets/') === true;
    response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    serve(request, response, () => {
      for (const name of ['etag', 'cache-control']) response.removeHeader(name);
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('Not found\n');
    });
  };
}
