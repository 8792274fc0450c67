import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { STALLED_MS } from '../../../src/http/connections.ts';
import { signIn } from '../../support/session.ts';
import type { Random } from '../random.ts';

/** What the clients are given: the server, a credential, and a job whose log grows. */
export interface Target {
  readonly address: string;
  readonly token: string;
  readonly jobId: string;
  readonly logPath: string;
}

/** One client from its first byte until it is gone, in whatever way. */
export type Behaviour = (target: Target, random: Random) => Promise<void>;

/** Most are gone before the server loses patience with them. */
const STAY_MS = 4_000;
/** With the others it does: this is longer than any deadline that it has for a client. */
const LONG_STAY_MS = STALLED_MS + 10_000;
const LONG_STAYS = 0.1;
/** What the server owes a client comes by then, or never. */
const ANSWER_MS = 60_000;
const SUBSCRIPTIONS = [
  'subscription { jobEvents { cursor kind job { id name state command } } }',
  'subscription ($id: ID!) { jobStatus(id: $id) { id state } }',
  'subscription ($id: ID!) { logTail(jobId: $id, after: 0) { startOffset endOffset text } }',
  'subscription { clusterStatus { name status } }',
];
const QUERIES = [
  '{ jobs(first: 50) { nodes { id name state } } }',
  '{ clusters { name status partitions { name } } }',
  '{ jobs(first: 500) { nodes { id name state command script } } }',
  'query ($id: ID!) { job(id: $id) { log(lastLines: 1000) { text } events(first: 50) { nodes { kind } } } }',
  'query ($id: ID!) { logSearch(jobId: $id, pattern: "99999") { matches { lineOffset } } }',
  'query ($id: ID!) { job(id: $id, waitUntilOverSeconds: 20) { state } }',
];
const PAGES = ['/', '/graphql', '/healthz', '/readyz', '/metrics', '/nothing'];

export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  async 'connects and goes'(target, random) {
    const socket = await opened(target);
    await stay(random);
    leave(socket, random);
  },
  async 'sends half a request'(target, random) {
    const socket = await opened(target);
    const whole = request('POST /graphql', target, '{"query":"{ jobs(first: 500) { nodes { id } } }"}');
    socket.write(whole.slice(0, random.between(1, whole.length - 1)));
    await stay(random);
    leave(socket, random);
  },
  async 'sends half a sign-in'(target, random) {
    const socket = await opened(target);
    socket.write(`POST /session HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4000\r\n\r\n{"token":"`);
    await stay(random);
    leave(socket, random);
  },
  async 'sends many requests and reads nothing'(target, random) {
    const socket = await opened(target);
    socket.pause();
    const one = request('POST /graphql', target, JSON.stringify({ query: QUERIES[0] }));
    socket.write(one.repeat(random.between(2, 20)));
    await stay(random);
    leave(socket, random);
  },
  async 'has a wrong token'(target, random) {
    const path = random.pick(['/session', '/graphql']);
    await (await get(target, path, { method: 'POST', body: JSON.stringify({ token: 'wrong' }) })).arrayBuffer();
  },
  async 'signs in, reads events and signs out'(target, random) {
    const session = await signIn(target.address, target.token);
    const headers = { ...session, accept: 'text/event-stream', 'content-type': 'application/json' };
    const body = JSON.stringify({ query: random.pick(SUBSCRIPTIONS), variables: { id: target.jobId } });
    const leaving = new AbortController();
    const events = await get(target, '/graphql', { method: 'POST', headers, body, signal: leaving.signal });
    const reading = events.arrayBuffer().catch(() => {});
    await stay(random);
    // What is open under it ends with a session; who never signs out goes as others do.
    if (random.chance(0.5)) await get(target, '/session', { method: 'DELETE', headers: { ...session } });
    else leaving.abort();
    await reading;
  },
  async 'opens a page'(target, random) {
    const headers = { ...bearer(target), accept: random.pick(['text/html', '*/*']) };
    await (await get(target, random.pick(PAGES), { headers })).arrayBuffer();
  },
  async 'asks and reads'(target, random) {
    const { errors } = (await (await asked(target, random.pick(QUERIES))).json()) as { errors?: unknown };
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
  },
  async 'asks and goes before the answer'(target, random) {
    const leaving = AbortSignal.timeout(random.between(1, 200));
    await asked(target, random.pick(QUERIES), { signal: leaving }).catch(() => {});
  },
  async 'opens a WebSocket and says nothing'(target, random) {
    const socket = await openedSocket(target);
    await stay(random);
    socket.terminate();
  },
  async 'sends half a message over WebSocket'(target, random) {
    const socket = await opened(target);
    const upgrade = ['upgrade: websocket', 'connection: upgrade', 'sec-websocket-version: 13'];
    const key = [`sec-websocket-key: ${Buffer.alloc(16).toString('base64')}`];
    const protocol = ['sec-websocket-protocol: graphql-transport-ws'];
    socket.write(
      `${['GET /graphql HTTP/1.1', 'host: localhost', ...upgrade, ...key, ...protocol].join('\r\n')}\r\n\r\n`,
    );
    // A text of 8,000 bytes, masked, of which a part comes.
    const head = [0x81, 0xfe, 0x1f, 0x40, 0, 0, 0, 0];
    socket.write(Buffer.concat([Buffer.from(head), Buffer.alloc(random.between(0, 7_999), ' ')]));
    await stay(random);
    leave(socket, random);
  },
  async 'subscribes, reads and completes'(target, random) {
    const socket = await subscribed(target, random);
    let refused = '';
    socket.on('message', (data) => {
      if (String(data).includes('"type":"error"')) refused = String(data);
    });
    await stay(random);
    socket.send(JSON.stringify({ id: '1', type: 'complete' }));
    await pause(random.between(0, 200));
    socket.close();
    await once(socket, 'close', { signal: AbortSignal.timeout(ANSWER_MS) });
    if (refused !== '') throw new Error(refused);
  },
  async 'subscribes and vanishes'(target, random) {
    const socket = await subscribed(target, random);
    await stay(random);
    socket.terminate();
  },
  async 'subscribes and stalls'(target, random) {
    const socket = await subscribed(target, random);
    socket.pause();
    await stay(random);
    if (random.chance(0.5)) socket.resume();
    await pause(random.between(0, STAY_MS));
    socket.terminate();
  },
  async 'reads events over HTTP and goes'(target, random) {
    const leaving = new AbortController();
    const headers = { accept: 'text/event-stream' };
    const response = await asked(target, random.pick(SUBSCRIPTIONS), { headers, signal: leaving.signal });
    const reading = response.arrayBuffer().catch(() => {});
    await stay(random);
    leaving.abort();
    await reading;
  },
  async 'has events over HTTP and stalls'(target, random) {
    const socket = await opened(target);
    socket.pause();
    const body = JSON.stringify({ query: random.pick(SUBSCRIPTIONS), variables: { id: target.jobId } });
    socket.write(request('POST /graphql', target, body, 'text/event-stream'));
    await stay(random);
    leave(socket, random);
  },
  async 'downloads a log'(target, random) {
    const headers = { ...bearer(target), ...random.pick([{}, { range: 'bytes=1000-999999' }, { range: 'bytes=-5' }]) };
    await (await get(target, target.logPath, { headers })).arrayBuffer();
  },
  async 'downloads a log and stalls'(target, random) {
    const socket = await opened(target);
    socket.pause();
    socket.write(request(`GET ${target.logPath}`, target));
    await stay(random);
    if (random.chance(0.5)) socket.resume();
    await pause(random.between(0, STAY_MS));
    leave(socket, random);
  },
};

const bearer = ({ token }: Target) => ({ authorization: `Bearer ${token}` });

function stay(random: Random): Promise<void> {
  return pause(random.chance(LONG_STAYS) ? LONG_STAY_MS : random.between(0, STAY_MS));
}

/** The bytes of a whole request. */
function request(line: string, target: Target, body = '', accept = 'application/json'): string {
  const content = body === '' ? [] : ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`];
  const { authorization } = bearer(target);
  const head = [
    `${line} HTTP/1.1`,
    'host: localhost',
    `authorization: ${authorization}`,
    `accept: ${accept}`,
    ...content,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

async function opened({ address }: Target): Promise<Socket> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  // That the server ends it is one way to go.
  socket.on('error', () => {});
  await once(socket, 'connect', { signal: AbortSignal.timeout(ANSWER_MS) });
  return socket;
}

/** By a FIN that leaves the other direction open, by closing, or by a reset, as a cut network does. */
function leave(socket: Socket, random: Random): void {
  const how = random.pick(['end', 'destroy', 'reset'] as const);
  if (how === 'reset') socket.resetAndDestroy();
  else if (how === 'destroy') socket.destroy();
  else {
    socket.resume();
    socket.end();
  }
}

async function openedSocket({ address }: Target): Promise<WebSocket> {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => {});
  await once(socket, 'open', { signal: AbortSignal.timeout(ANSWER_MS) });
  return socket;
}

async function subscribed(target: Target, random: Random): Promise<WebSocket> {
  const socket = await openedSocket(target);
  const acknowledged = once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_MS) });
  socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(target) }));
  await acknowledged;
  const payload = { query: random.pick(SUBSCRIPTIONS), variables: { id: target.jobId } };
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
  return socket;
}

function asked(target: Target, query: string, options: RequestInit = {}): Promise<Response> {
  return get(target, '/graphql', {
    ...options,
    method: 'POST',
    headers: { ...bearer(target), 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify({ query, variables: query.includes('$id') ? { id: target.jobId } : {} }),
  });
}

function get({ address }: Target, path: string, options: RequestInit): Promise<Response> {
  return fetch(`${address}${path}`, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS), ...options });
}
