import type { IncomingMessage } from 'node:http';

/**
 * A page of another origin made the browser send this. It may do so with a token that it has, but not by means of the
 * cookie, which the browser adds without asking anybody.
 */
export function isForeign({ headers }: IncomingMessage): boolean {
  // "same-site" is another port of this host, such as a notebook's, to which the browser sends the same cookies.
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return true;
  if (headers.origin === undefined) return false;
  try {
    return new URL(headers.origin).host !== headers.host;
  } catch {
    // "null": a sandboxed frame or a file, which is nobody's origin.
    return true;
  }
}
