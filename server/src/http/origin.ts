import type { IncomingMessage } from 'node:http';

/**
 * Whether a page of another origin made the browser send this. Such a page may use a token of its own, but not the
 * cookie, which the browser adds automatically.
 */
export function isForeign({ headers }: IncomingMessage): boolean {
  // "same-site" is another port of this host, such as a notebook's, which gets the same cookies.
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return true;
  if (headers.origin === undefined) return false;
  try {
    return new URL(headers.origin).host !== headers.host;
  } catch {
    // "null": a sandboxed frame or a file, which has no origin.
    return true;
  }
}
