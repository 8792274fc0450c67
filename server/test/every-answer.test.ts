import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerProcess, TestServer } from './support/server.ts';
import { signIn } from './support/session.ts';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
});
afterAll(() => server?.[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
}

/** Sends what it is given as it stands, and reads to the end. */
async function send(text: string): Promise<Answer> {
  const { hostname, port } = new URL(server.address);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  socket.write(text, 'latin1');
  let answer = '';
  for await (const piece of socket.iterator({ destroyOnReturn: true })) {
    answer += String(piece);
    // A stream has no end.
    if (/\r\n\r\n/.test(answer)) break;
  }
  const [first = '', ...lines] = (answer.split('\r\n\r\n', 1)[0] ?? '').split('\r\n');
  const entries = lines.map((line): [string, string] => [
    line.slice(0, line.indexOf(':')),
    line.slice(line.indexOf(':') + 1).trim(),
  ]);
  return { status: Number(first.split(' ')[1]), headers: new Headers(entries) };
}

const HOST = 'Host: localhost\r\n';
const CLOSE = 'Connection: close\r\n';
const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\n${HOST}${CLOSE}${headers}\r\n`;
const post = (path: string, body: string, headers = '') =>
  `POST ${path} HTTP/1.1\r\n${HOST}${CLOSE}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
const upgrade = (path: string, headers: string) =>
  `GET ${path} HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n${headers}\r\n`;
const KEY = `Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`;
const HTML = 'Accept: text/html\r\n';

/** What anybody can send, credential or not, and the status that it is answered with. */
const STRANGERS: Readonly<Record<string, readonly [string, number]>> = {
  'a page of the dashboard': [get('/'), 200],
  'a page of its own': [get('/jobs/x', HTML), 200],
  'a file that is not there': [get('/assets/none.js'), 404],
  'a file of GraphiQL that is not there': [get('/graphql/assets/none.js'), 404],
  'the sign-in page': [get('/metrics', HTML), 401],
  'the script of that page': [get('/session/key.js'), 200],
  health: [get('/healthz'), 200],
  readiness: [get('/readyz'), 200],
  'no credential': [get('/metrics'), 401],
  'a log without a credential': [get('/jobs/x/stdout.log'), 401],
  'an operation without a credential': [post('/graphql', '{"query":"{ viewer { name } }"}'), 401],
  'a wrong token': [get('/metrics', 'Authorization: Bearer wrong\r\n'), 401],
  'a token in the address': [get('/?token=wrong'), 302],
  'a wrong sign-in': [post('/session', '{"token":"wrong"}'), 401],
  'a sign-in that is none': [post('/session', '{"token":'), 401],
  'a sign-in that is too large': [post('/session', 'x'.repeat(9_000)), 413],
  'a sign-out': [`DELETE /session HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 204],
  'another method': [`PUT /session HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405],
  "another page's question": [
    `OPTIONS /graphql HTTP/1.1\r\n${HOST}${CLOSE}Origin: https://x.example\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
    403,
  ],
  'a method that nobody knows': [`BREW / HTTP/1.1\r\n${HOST}\r\n`, 400],
  'an address of escapes that are none': [get('/%E0%A4%A'), 200],
  'an address with a NUL': [get('/%00'), 200],
  'an address above the directory': [get('/../../../../etc/passwd'), 200],
  'the same in escapes': [get('/%2e%2e/%2e%2e/etc/passwd'), 200],
  'an address of slashes': [get('//'), 200],
  'another server': [get('http://elsewhere.example/'), 200],
  'no address': [`OPTIONS * HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405],
  'no host': [`GET / HTTP/1.1\r\n${CLOSE}\r\n`, 400],
  'an expectation': [get('/', 'Expect: the-impossible\r\n'), 417],
  'a range': [get('/', 'Range: bytes=9999999-\r\n'), 200],
  'a cookie that is none': [get('/metrics', 'Cookie: ===;;slurmql_session=\xff;__Host-slurmql_session_80\r\n'), 401],
  'bytes that are no HTTP': ['\x16\x03\x01\x02\x00\x01\r\n\r\n', 400],
  'a header without a name': [get('/', ': x\r\n'), 400],
  'two lengths': [get('/', 'Content-Length: 1\r\nContent-Length: 2\r\n'), 400],
  'a head that is too large': [get('/', `X: ${'x'.repeat(20_000)}\r\n`), 431],
  'an upgrade elsewhere': [upgrade('/elsewhere', `Sec-WebSocket-Version: 13\r\n${KEY}`), 404],
  'an upgrade without a key': [upgrade('/graphql', 'Sec-WebSocket-Version: 13\r\n'), 400],
  'an upgrade of another version': [upgrade('/graphql', `Sec-WebSocket-Version: 99\r\n${KEY}`), 400],
  'an upgrade with a protocol that is none': [
    upgrade('/graphql', `Sec-WebSocket-Version: 13\r\n${KEY}Sec-WebSocket-Protocol: ,\r\n`),
    400,
  ],
};

function expectHeaders({ headers }: Answer): void {
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
  expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  const policy = headers.get('content-security-policy') ?? '';
  for (const part of ["frame-ancestors 'none'", "base-uri 'none'"]) expect(policy).toContain(part);
  expect(policy).toMatch(/(^|; )default-src '(none|self)'/);
  expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe|\*|https?:/);
  // A page may name itself to its own server, nothing else to anybody.
  const isPage = /^text\/html|javascript|css/.test(headers.get('content-type') ?? '');
  if (isPage) expect(headers.get('referrer-policy')).toMatch(/^(same-origin|no-referrer)$/);
  else {
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(policy).toMatch(/^default-src 'none'/);
  }
  expect(headers.get('server') ?? headers.get('x-powered-by')).toBeNull();
}

describe('every answer forbids what it has no need of', () => {
  it.each(Object.entries(STRANGERS))('to strangers: %s', async (_what, [text, status]) => {
    const answer = await send(text);
    expect(answer.status).toBe(status);
    expectHeaders(answer);
  });

  it('to people and programs', async () => {
    const session = await signIn(server.address, server.token);
    const cookie = Object.entries(session).map(([name, value]) => `${name}: ${value}\r\n`);
    const host = `Host: ${new URL(server.address).host}\r\n`;
    const own = (text: string) => text.replace(HOST, host + cookie.join(''));
    const query = (text: string, headers = '') => post('/graphql', JSON.stringify({ query: text }), headers);
    for (const [text, status] of [
      [own(get('/graphql', HTML)), 200],
      [own(get('/metrics')), 200],
      [own(get('/jobs/x/stdout.log')), 404],
      [own(query('{ viewer { name } }')), 200],
      [own(query('{ viewer { ')), 200],
      [own(query('{ viewer { name } }', 'Origin: https://elsewhere.example\r\n')), 403],
      [own(query('subscription { jobEvents { __typename } }', 'Accept: text/event-stream\r\n')), 200],
      [own(post('/graphql', `{"query":"${'x'.repeat(1_100_000)}"}`)), 413],
      [own(`PUT /graphql HTTP/1.1\r\n${HOST}${CLOSE}\r\n`), 405],
    ] as const) {
      const answer = await send(text);
      expect([text.slice(0, 200), answer.status]).toEqual([text.slice(0, 200), status]);
      expectHeaders(answer);
    }
  });
});

describe('the log', () => {
  it('has a few lines of what strangers send, however often, each of them one of its own', async () => {
    const before = server.errors.length;
    for (let times = 0; times < 10; times += 1) {
      await Promise.all(Object.values(STRANGERS).map(([text]) => send(text)));
    }
    const lines = server.errors.slice(before).split('\n').filter(Boolean);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({ level: 40, msg: expect.stringMatching(/redential/) });
    expect(lines.length).toBeLessThanOrEqual(8);
  });

  it("has Node's own warnings, and not all of very many", async () => {
    const warn = "setInterval(() => process.emitWarning('Look out', { code: 'X', detail: 'here' }), 1)";
    const variables = {
      SLURMQL_TOKEN: server.token,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(warn)}`,
    };
    const own = new ServerProcess(server.directory, { ...variables, SLURMQL_DATA_DIR: 'other' });
    await own.firstLine();
    const before = own.errors.length;
    await pause(1_000);
    await own.stop('SIGTERM');
    expect(own.errors.slice(before)).not.toMatch(/^\(node:/m);
    const lines = own.errors.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 40, msg: 'Node warns', err: expect.objectContaining({ message: 'Look out' }) }),
    );
    expect(lines.length).toBeLessThanOrEqual(10);
  });
});
