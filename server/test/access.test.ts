import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TestServer } from './support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const body = JSON.stringify({ query: '{ viewer { name } }' });

function post(headers: Readonly<Record<string, string>>, text = body): Promise<Response> {
  return fetch(`${server.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: text,
  });
}

async function signIn(): Promise<string> {
  const response = await fetch(`${server.address}/?token=${server.token}`, { redirect: 'manual' });
  expect(response.status).toBe(302);
  expect(response.headers.get('location')).toBe('/');
  const cookie = response.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict/);
  expect(cookie).not.toContain(server.token);
  return cookie.split(';')[0] ?? '';
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
    expect((await post({ cookie: 'slurmql_session=9999999999.AAAA' })).status).toBe(401);
  });

  it('is told which it is: none, a wrong one, something else, or a session that is over', async () => {
    const told = async (headers: Record<string, string>) => (await (await post(headers)).json()).errors[0].message;
    const messages = await Promise.all([
      told({}),
      told({ authorization: 'Bearer wrong' }),
      told({ authorization: `Basic ${server.token}` }),
      told({ cookie: 'slurmql_session=a.9999999999.AAAA' }),
    ]);
    expect(messages).toEqual([
      'A credential is needed: "Authorization: Bearer TOKEN"',
      "The token is not this server's",
      'The Authorization header holds no bearer token: write "Authorization: Bearer TOKEN"',
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
    const cookie = await signIn();
    expect((await post({ cookie })).status).toBe(200);
    expect((await post({ cookie, origin: server.address })).status).toBe(200);
    expect((await post({ cookie, origin: 'https://evil.example.org' })).status).toBe(403);
    expect((await post({ cookie, origin: 'null' })).status).toBe(403);
    expect(await connect({ cookie, origin: server.address })).toBe('connection_ack');
    expect(await connect({ cookie, origin: 'https://evil.example.org' })).toBe(4403);
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

  it('signing in by form works with the token alone', async () => {
    const send = (token: string) =>
      fetch(`${server.address}/session`, { method: 'POST', body: JSON.stringify({ token }) });
    expect((await send('wrong')).status).toBe(401);
    const response = await send(server.token);
    expect(response.status).toBe(204);
    expect(response.headers.get('set-cookie')).toContain('slurmql_session=');
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
