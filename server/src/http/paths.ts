import type { IncomingMessage } from 'node:http';
import { logAddress } from '../graphql/index.ts';

/** Of few words, as each of them is kept for ever. */
export function routeOf(path: string): string {
  if (logAddress(path) !== null) return '/jobs/*.log';
  return ['/graphql', '/session', '/healthz', '/readyz', '/metrics'].includes(path) ? path : 'files';
}

/** Not the dashboard's own files, which other pages have no use for. */
export function isData(path: string): boolean {
  return ['/graphql', '/metrics', '/healthz', '/readyz'].includes(path) || logAddress(path) !== null;
}

export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}
