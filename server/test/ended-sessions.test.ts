import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { TestServer } from './support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
});
afterAll(() => server[Symbol.asyncDispose]());

interface OpenSession {
  readonly cookie: string;
  readonly key: string;
}

async function signIn(): Promise<OpenSession> {
  const answer = await fetch(`${server.address}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: server.token }),
  });
  const { key } = (await answer.json()) as { key: string };
  return { cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '', key };
}

const headersOf = ({ cookie, key }: OpenSession) => ({ cookie, 'x-slurmql-session': key });

/** A request of that session, as text. */
function ask(session: OpenSession, query: string, accept = 'text/event-stream'): string {
  const body = JSON.stringify({ query });
  const headers = {
    ...headersOf(session),
    host: new URL(server.address).host,
    accept,
    'content-type': 'application/json',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `POST /graphql HTTP/1.1\r\n${lines.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** A connection that has sent `text`, and what it has received. */
async function send(text: string): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(Number(new URL(server.address).port), '127.0.0.1');
  let received = '';
  socket.on('error', () => undefined).on('data', (part) => (received += String(part)));
  await once(socket, 'connect');
  socket.write(text);
  return { socket, received: () => received };
}

const ENDLESS = 'subscription { jobEvents { kind } }';
const OVER_AT_ONCE = 'subscription { jobStatus(id: "x") { id } }';
const INVALID = 'subscription { nothing }';

/** Requests of one connection, one behind the other. */
const REQUESTS: Readonly<Record<string, (session: OpenSession) => string>> = {
  'one stream': (session) => ask(session, ENDLESS),
  'a stream that is over, behind one that is not': (session) => ask(session, ENDLESS) + ask(session, OVER_AT_ONCE),
  'a stream that was refused, behind one that is not': (session) => ask(session, ENDLESS) + ask(session, INVALID),
  'many that are over': (session) => ask(session, ENDLESS) + ask(session, OVER_AT_ONCE).repeat(6),
  'a stream behind a stream': (session) => ask(session, ENDLESS).repeat(2),
  'an answer behind a stream': (session) => ask(session, ENDLESS) + ask(session, '{ viewer { id } }', '*/*'),
};

it.each(Object.entries(REQUESTS))('the end of a session ends %s, and nothing else', async (_what, requests) => {
  const session = await signIn();
  const { socket, received } = await send(requests(session));
  await vi.waitFor(() => expect(received()).toContain('text/event-stream'));
  // Whatever is behind the first one is answered by now: it was received with it.
  await server.query('{ viewer { id } }');
  const over = once(socket, 'close');
  const left = await fetch(`${server.address}/session`, { method: 'DELETE', headers: headersOf(session) });
  expect(left.status).toBe(204);
  await vi.waitFor(() => expect(received()).toContain('The session is over'));
  socket.end();
  await over;
  expect(await server.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } });
  expect(server.errors).not.toMatch(/uncaught|write after end/);
});

it('the end of a session ends its WebSocket while that has streams, some of them over', async () => {
  const session = await signIn();
  const client = createClient({
    url: `${server.address.replace('http', 'ws')}/graphql`,
    webSocketImpl: class extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols, { headers: headersOf(session), origin: server.address });
      }
    },
    connectionParams: { 'x-slurmql-session': session.key },
    retryAttempts: 0,
  });
  const outcomes = [ENDLESS, OVER_AT_ONCE, ENDLESS].map(async (query) => {
    for await (const _ of client.iterate({ query }));
  });
  await outcomes[1]?.catch(() => undefined);
  await fetch(`${server.address}/session`, { method: 'DELETE', headers: headersOf(session) });
  expect((await Promise.allSettled(outcomes)).map(({ status }) => status)).toContain('rejected');
  expect(await server.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } });
});
