import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode, Excess } from '../graphql/index.ts';

export function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** An error in the format of GraphQL. */
export function sendError(response: ServerResponse, status: number, code: ErrorCode, message: string): void {
  sendJson(response, status, { errors: [{ message, extensions: { code } }] });
}

/** What may not be open now, and may be later. */
export function sendExcess(response: ServerResponse, { code, message }: Excess): void {
  response.setHeader('retry-after', '10');
  sendError(response, code === 'SERVER_BUSY' ? 503 : 429, code, message);
}

/** Whether the request does no more than read; otherwise it has been refused. `what`: "A log". */
export function onlyReads({ method }: IncomingMessage, response: ServerResponse, what: string): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  response.setHeader('allow', 'GET, HEAD');
  sendError(response, 405, 'METHOD_NOT_ALLOWED', `${what} can only be read, with GET`);
  return false;
}
