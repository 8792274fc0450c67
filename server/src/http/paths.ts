import type { IncomingMessage } from 'node:http';
import { logAddress } from '../graphql/index.ts';

/** The kinds of requests. Few, because metrics keep a series for each. */
export const ROUTES = ['/graphql', '/session', '/healthz', '/readyz', '/metrics', '/jobs/*.log', 'files'] as const;
export type Route = (typeof ROUTES)[number];

export function routeOf(path: string): Route {
  if (logAddress(path) !== null) return '/jobs/*.log';
  return ROUTES.find((route) => route === path) ?? 'files';
}

/** Not the dashboard's own files, which other pages don't need. */
export function isData(path: string): boolean {
  const route = routeOf(path);
  return route !== '/session' && route !== 'files';
}

export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}
