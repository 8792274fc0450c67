import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
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

const PATIENCE_MS = 4_000;
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
];

export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  async 'connects and goes'(target, random) {
    const socket = await opened(target);
    await pause(random.between(0, PATIENCE_MS));
    leave(socket, random);
  },
  async 'sends half a request'(target, random) {
    const socket = await opened(target);
    const whole = `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50000\r\n\r\n{"query":"{ jobs`;
    socket.write(whole.slice(0, random.between(1, whole.length)));
    await pause(random.between(0, PATIENCE_MS));
    leave(socket, random);
  },
  async 'opens a WebSocket and says nothing'(target, random) {
    const socket = await openedSocket(target);
    await pause(random.between(0, PATIENCE_MS));
    socket.terminate();
  },
  async 'has a wrong token'(target) {
    await fetch(`${target.address}/session`, { method: 'POST', body: JSON.stringify({ token: 'wrong' }) });
  },
  async 'asks and reads'(target, random) {
    const response = await asked(target, random.pick(QUERIES));
    await response.arrayBuffer();
  },
  async 'asks and goes before the answer'(target, random) {
    const leaving = AbortSignal.timeout(random.between(1, 50));
    await asked(target, random.pick(QUERIES), leaving).catch(() => {});
  },
  async 'subscribes, reads and completes'(target, random) {
    const socket = await subscribed(target, random);
    await pause(random.between(0, PATIENCE_MS));
    socket.send(JSON.stringify({ id: '1', type: 'complete' }));
    await pause(random.between(0, 200));
    socket.close();
    await once(socket, 'close');
  },
  async 'subscribes and vanishes'(target, random) {
    const socket = await subscribed(target, random);
    await pause(random.between(0, PATIENCE_MS));
    socket.terminate();
  },
  async 'subscribes and stalls'(target, random) {
    const socket = await subscribed(target, random);
    socket.pause();
    await pause(random.between(0, 3 * PATIENCE_MS));
    if (random.chance(0.5)) socket.resume();
    await pause(random.between(0, PATIENCE_MS));
    socket.terminate();
  },
  async 'reads events over HTTP and goes'(target, random) {
    const leaving = new AbortController();
    const response = await asked(target, random.pick(SUBSCRIPTIONS), leaving.signal, 'text/event-stream');
    const reading = response.arrayBuffer().catch(() => {});
    await pause(random.between(0, PATIENCE_MS));
    leaving.abort();
    await reading;
  },
  async 'downloads a log'(target) {
    const response = await fetch(`${target.address}${target.logPath}`, { headers: bearer(target) });
    await response.arrayBuffer();
  },
  async 'downloads a log and stalls'(target, random) {
    const socket = await opened(target);
    socket.pause();
    socket.write(
      `GET ${target.logPath} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${bearer(target).authorization}\r\n\r\n`,
    );
    await pause(random.between(0, 3 * PATIENCE_MS));
    leave(socket, random);
  },
};

const bearer = ({ token }: Target) => ({ authorization: `Bearer ${token}` });

async function opened({ address }: Target): Promise<Socket> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  // That the server ends it is one way to go.
  socket.on('error', () => {});
  await once(socket, 'connect');
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
  await once(socket, 'open');
  return socket;
}

async function subscribed(target: Target, random: Random): Promise<WebSocket> {
  const socket = await openedSocket(target);
  const acknowledged = once(socket, 'message');
  socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(target) }));
  await acknowledged;
  const payload = { query: random.pick(SUBSCRIPTIONS), variables: { id: target.jobId } };
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
  return socket;
}

function asked(target: Target, query: string, signal?: AbortSignal, accept = 'application/json'): Promise<Response> {
  return fetch(`${target.address}/graphql`, {
    method: 'POST',
    headers: { ...bearer(target), accept, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: query.includes('$id') ? { id: target.jobId } : {} }),
    ...(signal === undefined ? {} : { signal }),
  });
}
