import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type SessionHeaders, signIn } from '../../test/support/session.ts';
import { Stage, TOKEN } from './testing.ts';

const LISTED = 'https://lab.example.org';
const OTHER = 'https://other.example.org';
const authorization = `Bearer ${TOKEN}`;
const stages = new Map<string, Stage>();
const stack = new AsyncDisposableStack();
let session: SessionHeaders;
beforeAll(async () => {
  for (const [name, allowedOrigins] of [
    ['none', []],
    ['one', ['http://localhost:8888', LISTED]],
    ['all', ['*']],
  ] as const) {
    stages.set(name, stack.use(await Stage.open(undefined, { allowedOrigins })));
  }
  session = await signIn(addressOf('one'), TOKEN);
});
afterAll(() => stack.disposeAsync());

const addressOf = (name: string) => stages.get(name)?.address ?? '';
type Headers = Readonly<Record<string, string>>;

function post(server: string, headers: Headers, body = '{"query":"{ viewer { name } }"}'): Promise<Response> {
  const all = { 'content-type': 'application/json', ...headers };
  return fetch(`${addressOf(server)}/graphql`, { method: 'POST', headers: all, body });
}

function preflight(server: string, origin: string, path = '/graphql', asked = 'authorization,content-type') {
  return fetch(`${addressOf(server)}${path}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': asked },
  });
}

/** The code and reason that a WebSocket is closed with, or 'connection_ack'. */
function connect(server: string, headers: Headers, payload: object = {}): Promise<string> {
  const url = `${addressOf(server).replace('http', 'ws')}/graphql`;
  const socket = new WebSocket(url, 'graphql-transport-ws', { headers });
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

const allowed = (response: Response) => response.headers.get('access-control-allow-origin');

describe.each([
  ['none', LISTED, false],
  ['none', 'null', false],
  ['one', LISTED, true],
  ['one', OTHER, false],
  ['one', `${LISTED}:8443`, false],
  ['one', `${LISTED}.evil.example`, false],
  ['one', 'http://lab.example.org', false],
  ['all', OTHER, true],
  ['all', 'null', true],
])('where %s is listed, a page of %s that holds a token', (server, origin, isLetIn) => {
  it(`${isLetIn ? 'may' : 'may not'} use HTTP and WebSocket alike`, async () => {
    const asked = await preflight(server, origin);
    expect(asked.status).toBe(isLetIn ? 204 : 403);
    expect(allowed(asked)).toBe(isLetIn ? origin : null);
    const answer = await post(server, { origin, authorization });
    expect(answer.status).toBe(isLetIn ? 200 : 403);
    expect(allowed(answer)).toBe(isLetIn ? origin : null);
    const body = await answer.json();
    const refused = { errors: [{ message: expect.stringContaining('SLURMQL_ALLOWED_ORIGINS') }] };
    expect(body).toMatchObject(
      isLetIn ? { data: {} } : { ...refused, errors: [{ extensions: { code: 'FORBIDDEN' } }] },
    );
    const opened = await connect(server, { origin }, { authorization });
    expect(opened).toMatch(isLetIn ? /^connection_ack$/ : /^4403 .*SLURMQL_ALLOWED_ORIGINS/);
  });
});

describe('a page of a listed origin', () => {
  it('may not use the cookie of the browser, and is told so', async () => {
    const answer = await post('one', { origin: LISTED, ...session });
    expect(answer.status).toBe(403);
    expect(allowed(answer)).toBe(LISTED);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(await connect('one', { origin: LISTED, ...session })).toMatch(/^4403 .*session/);
  });

  it('may send the headers that it wants to', async () => {
    const asked = await preflight('one', LISTED, '/graphql', 'authorization,apollographql-client-name,last-event-id');
    expect(asked.headers.get('access-control-allow-headers')).toBe(
      'authorization,apollographql-client-name,last-event-id',
    );
    expect(asked.headers.get('access-control-allow-methods')).toBe('GET, HEAD, POST');
  });

  it.each<[string, Headers, string, number]>([
    ['no token', {}, '{"query":"{ viewer { name } }"}', 401],
    ['a wrong token', { authorization: 'Bearer x' }, '{"query":"{ viewer { name } }"}', 401],
    ['what is no JSON', { authorization }, '{', 400],
    ['too much', { authorization }, ' '.repeat(1024 ** 2 + 1), 413],
    ['another type', { authorization, 'content-type': 'text/csv' }, 'x', 415],
    ['a syntax error as a stream', { authorization, accept: 'text/event-stream' }, '{"query":"{"}', 200],
    [
      'a subscription that is refused',
      { authorization, accept: 'text/event-stream' },
      '{"query":"subscription { jobStatus(id: \\"x\\") { id } }"}',
      200,
    ],
  ])('may read what it is told for %s', async (_what, headers, body, status) => {
    const answer = await post('one', { origin: LISTED, ...headers }, body);
    expect(answer.status).toBe(status);
    expect(allowed(answer)).toBe(LISTED);
    expect(answer.headers.get('vary')).toMatch(/\bOrigin\b/);
    await answer.arrayBuffer();
  });

  it.each(['/metrics', '/readyz', '/healthz', `/jobs/${encodeGlobalID('Job', 'x')}/stdout.log`])(
    'may read %s, and ask for parts of it',
    async (path) => {
      expect(allowed(await preflight('one', LISTED, path, 'authorization,range'))).toBe(LISTED);
      const answer = await fetch(`${addressOf('one')}${path}`, { headers: { origin: LISTED, authorization } });
      expect(allowed(answer)).toBe(LISTED);
      expect(answer.headers.get('access-control-expose-headers')).toContain('Content-Range');
    },
  );

  it('may ask the same of a server that has kept the answer for others', async () => {
    const answers = [await post('one', { authorization }), await post('one', { authorization, origin: LISTED })];
    expect(answers.map(allowed)).toEqual([null, LISTED]);
  });
});

it('a page of this server, and a program, need no list', async () => {
  const origin = addressOf('none');
  expect((await post('none', { origin, authorization })).status).toBe(200);
  expect((await post('none', { authorization })).status).toBe(200);
  expect(await connect('none', { origin }, { authorization })).toBe('connection_ack');
});
