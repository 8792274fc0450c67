import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TestServer } from './support/server.ts';
import { signIn } from './support/session.ts';

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start('clusters: {}\n');
});
afterEach(() => server?.[Symbol.asyncDispose]());

/** Somebody at an address of their own on this machine. */
const STRANGER = '127.1.0.1';
const OTHER = '127.1.0.2';
/** Where these tests ask from otherwise. */
const KNOWN = '127.0.0.1';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function ask(from: string, path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
  const { hostname, port } = new URL(server.address);
  const asked = request({ hostname, port, path, method, headers, localAddress: from, agent: false });
  const [response] = await once(asked.end(body), 'response');
  let text = '';
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode, headers: response.headers, text };
}

/** What a WebSocket is told first, or how it is closed. */
async function connect(from: string, headers: Readonly<Record<string, string>>, payload: object): Promise<string> {
  const url = `${server.address.replace('http', 'ws')}/graphql`;
  const socket = new WebSocket(url, 'graphql-transport-ws', { headers, localAddress: from });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })));
    socket.on('close', (code, reason) => resolve(`${code} ${reason}`));
    socket.on('message', (data) => {
      resolve(JSON.parse(String(data)).type);
      socket.close();
    });
  });
}

type Outcome = 'right' | 'wrong' | 'slowed';

function outcome({ status, headers, text }: Answer, isRight: (answer: Answer) => boolean): Outcome {
  if (status !== 429) return isRight({ status, headers, text }) ? 'right' : 'wrong';
  expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
  expect(text).toContain('try again in 5 seconds');
  return 'slowed';
}

const JSON_TYPE = { 'content-type': 'application/json' };
const QUERY = JSON.stringify({ query: '{ viewer { name } }' });
const is200 = ({ status }: Answer) => status === 200;
const hasCookie = ({ headers }: Answer) => headers['set-cookie'] !== undefined;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** As the server makes them. */
const LONG_TOKEN = 'a-token-that-nobody-can-guess-in-a-life';

/** Each way in which a credential can be tried, with a right token or a wrong one. */
const WAYS: Readonly<Record<string, (from: string, token: string) => Promise<Outcome>>> = {
  'a sign-in of the dashboard': async (from, token) =>
    outcome(await ask(from, '/session', { method: 'POST', body: JSON.stringify({ token }) }), is200),
  'the form of the sign-in page': async (from, token) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = String(new URLSearchParams({ token, next: '/metrics' }));
    return outcome(await ask(from, '/session', { method: 'POST', headers, body }), hasCookie);
  },
  'the printed address': async (from, token) => outcome(await ask(from, `/jobs?token=${token}`), hasCookie),
  "GraphiQL's address": async (from, token) =>
    outcome(await ask(from, `/graphql?token=${token}`, { headers: { accept: 'text/html' } }), hasCookie),
  'a Bearer token': async (from, token) => {
    const headers = { ...JSON_TYPE, ...bearer(token) };
    return outcome(await ask(from, '/graphql', { method: 'POST', headers, body: QUERY }), is200);
  },
  'a Bearer token for a page': async (from, token) =>
    outcome(await ask(from, '/metrics', { headers: { ...bearer(token), accept: 'text/html' } }), is200),
  'a Bearer token for the file of a log': async (from, token) =>
    outcome(await ask(from, '/jobs/x/stdout.log', { headers: bearer(token) }), ({ status }) => status === 404),
  connection_init: async (from, token) => closing(await connect(from, {}, bearer(token))),
  'the handshake of a WebSocket': async (from, token) => closing(await connect(from, bearer(token), {})),
  'a password': async (from, token) => {
    const authorization = token === server.token ? `Bearer ${token}` : `Basic ${btoa(`admin:${token}`)}`;
    return outcome(await ask(from, '/metrics', { headers: { authorization } }), is200);
  },
  'a session that is made up': async (from, token) => {
    const cookie = `slurmql_session_${new URL(server.address).port}=aaaa.1.9999999999.${token}`;
    const headers =
      token === server.token ? await signIn(server.address, token) : { cookie, 'x-slurmql-session': token };
    return outcome(await ask(from, '/metrics', { headers: { ...headers } }), is200);
  },
  'the key of a session that was stolen': async (from, token) => {
    const session = await signIn(server.address, server.token);
    const headers = token === server.token ? session : { ...session, 'x-slurmql-session': token };
    return outcome(await ask(from, '/metrics', { headers: { ...headers } }), is200);
  },
  readiness: async (from, token) => {
    // Told to everybody: it doesn't say whether the credential was wrong or one too many.
    const { text } = await ask(from, '/readyz', { headers: bearer(token) });
    return text.includes('checks') ? 'right' : 'wrong';
  },
};

function closing(told: string): Outcome {
  if (told === 'connection_ack') return 'right';
  expect(told).toMatch(/^4403 /);
  return told.includes('try again in 5 seconds') ? 'slowed' : 'wrong';
}

describe('guesses are slowed', () => {
  it.each(Object.entries(WAYS))('by %s', async (name, attempt) => {
    const startedAt = performance.now();
    const outcomes: Outcome[] = [];
    for (let number = 0; number < 45; number += 1) outcomes.push(await attempt(STRANGER, `wrong-${number}`));
    // Behind others that are under way: while it came alone, a busy machine might give another try.
    const last = Array.from({ length: 5 }, (_, number) => attempt(STRANGER, `wrong-${45 + number}`));
    const right = await attempt(STRANGER, server.token);
    outcomes.push(...(await Promise.all(last)));
    const spent = 30 + Math.ceil((performance.now() - startedAt) / 5_000);
    expect(outcomes).not.toContain('right');
    // As little is learned of a right token; a session can't be made up.
    if (name.includes('session that')) expect(right).toBe('right');
    else expect(right).toBe(name === 'readiness' ? 'wrong' : 'slowed');
    if (name !== 'readiness') {
      expect(outcomes.slice(0, 30)).toEqual(Array(30).fill('wrong'));
      expect(outcomes.filter((one) => one === 'wrong').length).toBeLessThanOrEqual(spent);
    }
    // Others are none the worse.
    expect(await attempt(OTHER, server.token)).toBe('right');

    const lines = server.errors.split('\n').filter((line) => line.includes('redential'));
    expect(lines.length).toBeLessThanOrEqual(8);
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 40, address: STRANGER, msg: 'A wrong credential was refused' }),
    );
    expect(server.errors).not.toMatch(/wrong-\d/);
  });

  it('and keep nobody out at an address from which a right credential came', async () => {
    const startedAt = performance.now();
    for (const attempt of Object.values(WAYS)) expect(await attempt(KNOWN, server.token)).toBe('right');
    for (let number = 0; number < 10; number += 1) {
      for (const attempt of Object.values(WAYS)) expect(await attempt(KNOWN, `wrong-${number}`)).not.toBe('right');
    }
    for (const attempt of Object.values(WAYS)) expect(await attempt(KNOWN, server.token)).toBe('right');
    const metrics = (await ask(KNOWN, '/metrics', { headers: bearer(server.token) })).text;
    const count = (outcome: string) =>
      Number(
        new RegExp(`^slurmql_refused_credentials_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(metrics)?.[1],
      );
    expect(count('wrong')).toBeLessThanOrEqual(30 + Math.ceil((performance.now() - startedAt) / 5_000));
    expect(count('wrong') + count('slowed')).toBe(10 * Object.keys(WAYS).length);
  });

  it.each(Object.entries(WAYS))('and keep out no token that is long enough, though it comes %s', async (_, attempt) => {
    await server[Symbol.asyncDispose]();
    server = await TestServer.start('clusters: {}\n', undefined, '0', { SLURMQL_TOKEN: LONG_TOKEN });
    for (let number = 0; number < 40; number += 1) {
      expect(await attempt(STRANGER, `wrong-${number}`)).not.toBe('right');
    }
    expect(await attempt(STRANGER, LONG_TOKEN)).toBe('right');
  });

  it('and end no session by a restart', async () => {
    const session = await signIn(server.address, server.token);
    const port = new URL(server.address).port;
    await server.stop();
    server = await TestServer.start('clusters: {}\n', server.directory, port);
    const guess = WAYS['a Bearer token'];
    for (let number = 0; number < 60; number += 1) expect(await guess?.(STRANGER, `wrong-${number}`)).not.toBe('right');
    expect((await ask(STRANGER, '/metrics', { headers: { ...session } })).status).toBe(200);
  });
});
