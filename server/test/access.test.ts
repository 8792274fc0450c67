import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TestServer } from './support/server.ts';
import type { SessionHeaders } from './support/session.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const body = JSON.stringify({ query: '{ viewer { name } }' });
const ownCookie = () => `slurmql_session_${new URL(server.address).port}`;

function post(headers: Readonly<Record<string, string>>, text = body): Promise<Response> {
  return fetch(`${server.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: text,
  });
}

/** As by the printed address. */
async function signIn(): Promise<SessionHeaders> {
  const response = await fetch(`${server.address}/?token=${server.token}`, { redirect: 'manual' });
  expect(response.status).toBe(302);
  const key = /^\/#session=([\w-]{43})$/.exec(response.headers.get('location') ?? '')?.[1] ?? '';
  const cookie = response.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict/);
  expect(cookie).not.toContain(server.token);
  return { cookie: cookie.split(';')[0] ?? '', 'x-slurmql-session': key };
}

/** The code that a WebSocket is closed with, or the reason; or 'connection_ack'. */
function connect(
  headers: Readonly<Record<string, string>>,
  payload: object = {},
  wanted: 'code' | 'reason' = 'code',
): Promise<string | number> {
  const socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })));
    socket.on('close', (code, reason) => resolve(wanted === 'code' ? code : String(reason)));
    socket.on('message', (data) => {
      resolve(JSON.parse(String(data)).type);
      socket.close();
    });
  });
}

describe('without a credential', () => {
  it.each(['/graphql', '/metrics'])('%s answers 401 with a GraphQL error', async (path) => {
    const response = await fetch(`${server.address}${path}`);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  it('nor with a wrong one, is there an answer', async () => {
    expect((await post({})).status).toBe(401);
    expect((await post({ authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await post({ cookie: `${ownCookie()}=9999999999.AAAA` })).status).toBe(401);
  });

  it('is told which it is: none, a wrong one, something else, or a session that is over', async () => {
    const told = async (headers: Record<string, string>) => (await (await post(headers)).json()).errors[0].message;
    const messages = await Promise.all([
      told({}),
      told({ authorization: 'Bearer wrong' }),
      told({ authorization: `Basic ${server.token}` }),
      told({ cookie: `${ownCookie()}=a.1.9999999999.AAAA` }),
      told({ cookie: 'slurmql_session=of-an-earlier-release' }),
    ]);
    expect(messages).toEqual([
      'A credential is needed: "Authorization: Bearer TOKEN"',
      'The token is wrong',
      'The Authorization header contains no bearer token: send "Authorization: Bearer TOKEN"',
      'The session is over: sign in again',
      'The session is over: sign in again',
    ]);
    const closed = (payload: object) => connect({}, payload, 'reason');
    expect(await closed({})).toBe(messages[0]);
    expect(await closed({ authorization: 'Bearer wrong' })).toBe(messages[1]);
  });

  it('a WebSocket is closed with 4403', async () => {
    expect(await connect({})).toBe(4403);
    expect(await connect({}, { authorization: 'Bearer wrong' })).toBe(4403);
  });

  it('only health and the bare verdict of readiness are told', async () => {
    expect(await (await fetch(`${server.address}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${server.address}/readyz`)).json()).toEqual({ status: 'ready' });
  });
});

describe('with the token', () => {
  it('HTTP and WebSocket answer, by header or in connection_init', async () => {
    const authorization = `Bearer ${server.token}`;
    expect(await (await post({ authorization })).json()).toEqual({ data: { viewer: { name: 'Administrator' } } });
    expect(await connect({}, { authorization })).toBe('connection_ack');
    expect(await connect({ authorization })).toBe('connection_ack');
  });

  it('readiness tells its parts, and metrics are there', async () => {
    const headers = { authorization: `Bearer ${server.token}` };
    expect(await (await fetch(`${server.address}/readyz`, { headers })).json()).toMatchObject({
      checks: { database: true },
    });
    expect(await (await fetch(`${server.address}/metrics`, { headers })).text()).toContain(
      'process_resident_memory_bytes',
    );
  });
});

describe('with the cookie of a browser', () => {
  it('the same site is served, and another one is refused', async () => {
    const session = { ...(await signIn()) };
    expect((await post(session)).status).toBe(200);
    expect((await post({ ...session, origin: server.address })).status).toBe(200);
    expect((await post({ ...session, origin: 'https://evil.example.org' })).status).toBe(403);
    expect((await post({ ...session, origin: 'null' })).status).toBe(403);
    expect(await connect({ ...session, origin: server.address })).toBe('connection_ack');
    expect(await connect({ ...session, origin: 'https://evil.example.org' })).toBe(4403);
  });

  it('a page sends its key in connection_init, as a browser has no headers there', async () => {
    const { cookie, 'x-slurmql-session': key } = await signIn();
    expect(await connect({ cookie }, { session: key })).toBe('connection_ack');
    expect(await connect({ cookie }, { session: 'another' })).toBe(4403);
  });

  it('a wrong token in the address opens nothing and leaves the address', async () => {
    const response = await fetch(`${server.address}/jobs?token=wrong&state=FAILED`, { redirect: 'manual' });
    expect(response.headers.get('location')).toBe('/jobs?state=FAILED');
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('an address can not lead to another site', async () => {
    const response = await fetch(`${server.address}//evil.example.org/?token=${server.token}`, { redirect: 'manual' });
    expect(new URL(response.headers.get('location') ?? '', server.address).origin).toBe(server.address);
  });

  it('signing in works with the token alone', async () => {
    const send = (token: string) =>
      fetch(`${server.address}/session`, { method: 'POST', body: JSON.stringify({ token }) });
    expect((await send('wrong')).status).toBe(401);
    const response = await send(server.token);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ key: expect.stringMatching(/^[\w-]{43}$/) });
    expect(response.headers.get('set-cookie')).toContain(`${ownCookie()}=`);
  });
});

/** Another user's server on the same host, to which the browser sends the cookie as well, and which sends what it likes. */
describe('with the cookie alone, which every port of the host is sent', () => {
  const guesses: readonly Readonly<Record<string, string>>[] = [
    {},
    { 'x-slurmql-session': '' },
    { 'x-slurmql-session': 'A'.repeat(43) },
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', origin: 'here' },
    { authorization: 'Bearer ' },
    { 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' },
  ];

  /** Or looked at no more, after many. */
  const isRefused = (status: number) => status === 401 || status === 429;

  it("nothing is answered that is anybody's business", async () => {
    const { cookie } = await signIn();
    const other = await signIn();
    for (const guess of [...guesses, { 'x-slurmql-session': other['x-slurmql-session'] }]) {
      const headers = { cookie, ...guess, ...('origin' in guess && { origin: server.address }) };
      const statusOf = async (path: string, init: RequestInit = {}) =>
        (await fetch(`${server.address}${path}`, { ...init, headers: { ...headers, ...init.headers } })).status;
      expect((await post(headers)).status).toSatisfy(isRefused);
      expect(await statusOf('/graphql?query={viewer{name}}', { headers: { accept: 'application/json' } })).toSatisfy(
        isRefused,
      );
      expect(await statusOf('/metrics')).toSatisfy(isRefused);
      expect(await statusOf('/metrics', { headers: { accept: 'text/html' } })).toSatisfy(isRefused);
      expect(await statusOf('/metrics', { method: 'POST', body: new URLSearchParams({ key: 'x' }) })).toSatisfy(
        isRefused,
      );
      expect(await statusOf('/jobs/x/stdout.log')).toSatisfy(isRefused);
      expect(await statusOf('/jobs/x/stdout.log', { method: 'POST', body: new URLSearchParams() })).toSatisfy(
        isRefused,
      );
      expect(await (await fetch(`${server.address}/readyz`, { headers })).json()).toEqual({ status: 'ready' });
      expect(await connect(headers)).toBe(4403);
      expect(await connect(headers, { session: 'x' })).toBe(4403);
      // Nor is anybody signed out by it.
      expect(await statusOf('/session', { method: 'DELETE' })).toBe(204);
    }
    expect((await post({ ...other })).status).toBe(200);
  });

  it('a page of this server is told to show its key, and brings it by a form', async () => {
    const { cookie, 'x-slurmql-session': key } = await signIn();
    for (const path of ['/metrics', '/jobs/x/stdout.log']) {
      const page = await fetch(`${server.address}${path}`, { headers: { cookie, accept: 'text/html' } });
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
      const script = /<script src="([^"]+)"/.exec(await page.text())?.[1] ?? '';
      expect(await (await fetch(`${server.address}${script}`)).text()).toContain('localStorage');
      const opened = await fetch(`${server.address}${path}`, {
        method: 'POST',
        headers: { cookie, origin: server.address },
        body: new URLSearchParams({ key }),
      });
      expect(opened.status).toBe(path === '/metrics' ? 200 : 404);
      const foreign = await fetch(`${server.address}${path}`, {
        method: 'POST',
        headers: { cookie, origin: 'http://127.0.0.1:1' },
        body: new URLSearchParams({ key }),
      });
      expect(foreign.status).toBe(403);
    }
  });

  it('servers on other ports have cookies of their own, and over HTTPS no other server can set one', async () => {
    const send = async (headers: Readonly<Record<string, string>>) => {
      const { hostname, port } = new URL(server.address);
      const asked = request({ hostname, port, method: 'POST', path: '/session', headers });
      const [response] = await once(asked.end(JSON.stringify({ token: server.token })), 'response');
      response.resume();
      return String(response.headers['set-cookie']);
    };
    expect(await send({ host: 'lab.example:4000' })).toMatch(
      /^slurmql_session_4000=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max/,
    );
    expect(await send({ host: 'lab.example:4001' })).toMatch(/^slurmql_session_4001=/);
    expect(await send({ host: 'lab.example' })).toMatch(/^slurmql_session_80=/);
    expect(await send({ host: 'lab.example', 'x-forwarded-proto': 'https' })).toMatch(
      /^__Host-slurmql_session_443=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Secure; Max/,
    );
    expect(await send({ host: 'lab.example:8443', origin: 'https://lab.example:8443' })).toMatch(
      /^__Host-slurmql_session_8443=/,
    );
  });
});

describe('limits', () => {
  const authorized = (query: string, variables = {}) =>
    post({ authorization: `Bearer ${server.token}` }, JSON.stringify({ query, variables }));

  it.each([
    ['depth', `{ jobs { nodes ${'{ arrayParent '.repeat(20)}{ id }${' }'.repeat(20)} } }`],
    ['aliases', `{ ${Array.from({ length: 500 }, (_, index) => `a${index}: viewer { name }`).join(' ')} }`],
    ['cost', '{ projects(first: 500) { nodes { jobs(first: 500) { nodes { id name } } } } }'],
  ])('on %s refuse before anything runs', async (_name, query) => {
    const answer = await (await authorized(query)).json();
    expect(answer).toMatchObject({ errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
    expect(answer.data ?? null).toBeNull();
  });

  it('count the operation that runs, and not the first of the document', async () => {
    const query = `query Small { viewer { name } } query Large { projects(first: 500) { nodes { jobs(first: 500) { nodes { id } } } } }`;
    const text = JSON.stringify({ query, operationName: 'Large' });
    const answer = await (await post({ authorization: `Bearer ${server.token}` }, text)).json();
    expect(answer).toMatchObject({ errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
  });

  it('hold where page sizes come by variable', async () => {
    const query = 'query ($n: Int) { projects(first: $n) { nodes { jobs(first: $n) { nodes { id } } } } }';
    expect(await (await authorized(query, { n: 1 })).json()).toHaveProperty('data.projects');
    expect(await (await authorized(query, { n: 500 })).json()).toMatchObject({
      errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }],
    });
  });

  it('refuse a body of more than 1 MiB, with its length given or not', async () => {
    const large = JSON.stringify({ query: `{ viewer { name } } # ${'x'.repeat(1024 * 1024)}` });
    expect((await authorized(`{ viewer { name } } # ${'x'.repeat(1024 * 1024)}`)).status).toBe(413);
    const stream = new Blob([large]).stream();
    const response = await fetch(`${server.address}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body: stream,
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
  });

  it('refuse a document of very many words', async () => {
    const answer = await (await authorized(`{ ${'viewer { name } '.repeat(2000)} }`)).json();
    expect(answer.errors[0].message).toContain('token');
  });
});

it('the introspection holds nothing that older clients do not know', async () => {
  const { __schema } = await server.query<{ __schema: { directives: { locations: string[] }[] } }>(
    '{ __schema { directives { name locations } } }',
  );
  expect(__schema.directives.flatMap(({ locations }) => locations)).not.toContain('DIRECTIVE_DEFINITION');
});

it('faults of ours are told of without their text', async () => {
  const { errors } = await server.send('{ jobs(after: "not a cursor") { nodes { id } } }');
  expect(errors?.[0]?.extensions?.['code']).toBe('BAD_USER_INPUT');
  expect(server.errors).not.toContain('CursorError');
});
