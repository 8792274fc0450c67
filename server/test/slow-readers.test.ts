import { once } from 'node:events';
import { chmod, mkdir, rm, symlink, truncate } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Workbench } from './support/jobs.ts';
import { LogWriter } from './support/log-writer.ts';
import { memoryDuring } from './support/memory.ts';
import { until } from './support/server.ts';

const MB = 1_000_000;

let bench: Workbench;
let writer: LogWriter;
beforeAll(async () => {
  bench = await Workbench.open();
  writer = await LogWriter.start(bench);
  await truncate(writer.path, 500 * MB);
});
afterAll(async () => {
  await writer?.end();
  await bench?.[Symbol.asyncDispose]();
});

const bearer = () => ({ authorization: `Bearer ${bench.server.token}` });
const logPath = (stream = 'stdout') => `/jobs/${encodeURIComponent(writer.job.id)}/${stream}.log`;

/** Asks and never reads what comes. */
function ask(head: string, body = ''): Socket {
  const socket = connect(Number(new URL(bench.server.address).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  const length = body === '' ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  socket.write(`${head}\r\nhost: localhost\r\nauthorization: Bearer ${bench.server.token}\r\n${length}\r\n${body}`);
  return socket;
}

const operation = (query: string, accept = 'application/json') =>
  ask(`POST /graphql HTTP/1.1\r\naccept: ${accept}`, JSON.stringify({ query, variables: { id: writer.job.id } }));

/** Follows a log, answers pings without being asked, and reads nothing. */
function followDeaf(): Socket {
  const url = `${bench.server.address.replace('http', 'ws')}/graphql`;
  const client = new WebSocket(url, 'graphql-transport-ws', { autoPong: false });
  client.on('error', () => undefined);
  client.on('open', () => {
    client.send(
      JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${bench.server.token}` } }),
    );
  });
  client.once('message', () => {
    const payload = {
      query: 'subscription ($id: ID!) { logTail(jobId: $id) { text } }',
      variables: { id: writer.job.id },
    };
    client.send(JSON.stringify({ type: 'subscribe', id: '1', payload }));
    client.pause();
    const pongs = setInterval(() => client.pong(), 1_000);
    client.on('close', () => clearInterval(pongs));
  });
  return { destroy: () => client.terminate() } as unknown as Socket;
}

async function figure(name: string): Promise<number> {
  const headers = { ...bearer(), connection: 'close' };
  const text = await (await fetch(`${bench.server.address}/metrics`, { headers })).text();
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** The whole log of the other stream, which is short, and an operation. */
async function expectService(): Promise<void> {
  expect(await bench.server.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } });
  const response = await fetch(`${bench.server.address}${logPath()}`, {
    headers: { ...bearer(), range: 'bytes=0-999' },
  });
  expect((await response.arrayBuffer()).byteLength).toBe(1000);
}

describe('a client that reads nothing', () => {
  it('costs little, however many logs it asks for, is counted, and is cut off, as every other one', async () => {
    const before = await figure('slurmql_connections');
    const sockets: Socket[] = [];
    try {
      const used = await memoryDuring(bench.server, async () => {
        // More at once would be more newcomers than one address may have.
        for (let times = 0; times < 2; times += 1) {
          const some = Array.from({ length: 100 }, () => ask(`GET ${logPath()} HTTP/1.1`));
          sockets.push(...some);
          await Promise.all(some.map((socket) => once(socket, 'readable')));
        }
        expect(await figure('slurmql_log_downloads')).toBeGreaterThan(0);
        await expectService();
      });
      expect(used).toBeLessThan(150 * MB);
      const script = /\/graphql\/assets\/graphiql-[\w-]+\.js/.exec(
        await (
          await fetch(`${bench.server.address}/graphql`, { headers: { ...bearer(), accept: 'text/html' } })
        ).text(),
      )?.[0];
      const chunks = Array.from(
        { length: 60 },
        (_, index) => `a${index}: log(offset: ${index}, limit: 262144) { text }`,
      );
      sockets.push(
        ask(`GET ${logPath()} HTTP/1.1\r\nrange: bytes=1000-400000000`),
        ask(`GET ${logPath()} HTTP/1.0`),
        ask(`GET ${script} HTTP/1.1`),
        ...Array.from({ length: 2 }, () => operation(`query ($id: ID!) { job(id: $id) { ${chunks.join(' ')} } }`)),
        operation('subscription ($id: ID!) { logTail(jobId: $id) { text } }', 'text/event-stream'),
        followDeaf(),
      );
      await expectService();
      await until(
        () => figure('slurmql_connections'),
        (count) => count <= before + 1,
      );
      expect(await figure('slurmql_log_downloads')).toBe(0);
      expect(await figure('slurmql_streams')).toBe(0);
      expect(await figure('slurmql_cut_connections_total{why="stalled"}')).toBeGreaterThan(200);
      await expectService();
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  /** It came to the end that was promised. */
  readonly isWhole: boolean;
}

/** `meanwhile`: once the head of the answer is there. */
async function answerTo(path: string, method = 'GET', meanwhile = async () => undefined as unknown): Promise<Answer> {
  const [response] = (await once(
    request(`${bench.server.address}${path}`, { method, headers: bearer(), agent: false }).end(),
    'response',
  )) as [IncomingMessage];
  // It may be cut short before anything of it is read.
  const closed = new Promise<void>((resolve) => response.once('close', resolve).once('error', () => resolve()));
  await meanwhile();
  const pieces: Buffer[] = [];
  response.on('data', (piece: Buffer) => pieces.push(piece));
  await closed;
  return { status: response.statusCode ?? 0, body: Buffer.concat(pieces), isWhole: response.complete };
}

const urlOf = ({ job }: LogWriter) => `/jobs/${encodeURIComponent(job.id)}/stdout.log`;

describe('a log that can not be read', () => {
  it.each<[string, (path: string) => Promise<unknown>, number, string]>([
    ['is gone', (path) => rm(path), 404, 'NOT_FOUND'],
    ['is a link to nothing', async (path) => rm(path).then(() => symlink('nothing', path)), 502, 'CLUSTER_UNAVAILABLE'],
    ['may not be read', (path) => chmod(path, 0), 403, 'FORBIDDEN'],
    ['lies where one may not look', (path) => chmod(dirname(path), 0), 403, 'FORBIDDEN'],
    ['is a directory', async (path) => rm(path).then(() => mkdir(path)), 502, 'CLUSTER_UNAVAILABLE'],
    ['is a link to itself', async (path) => rm(path).then(() => symlink(path, path)), 502, 'CLUSTER_UNAVAILABLE'],
  ])('as it %s has its status before the first byte', async (_what, spoil, status, code) => {
    const other = await LogWriter.start(bench);
    await other.append('words');
    await spoil(other.path);
    const { body, ...rest } = await answerTo(urlOf(other));
    await chmod(dirname(other.path), 0o700);
    expect(rest).toEqual({ status, isWhole: true });
    expect(JSON.parse(String(body))).toMatchObject({ errors: [{ extensions: { code } }] });
    await spoil(other.path).catch(() => undefined);
    expect((await answerTo(urlOf(other), 'HEAD')).status).toBe(status);
    await chmod(dirname(other.path), 0o700);
    await other.end();
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['is cut short', (path) => truncate(path, 1000)],
    ['is emptied', (path) => truncate(path, 0)],
    ['goes away', (path) => rm(path)],
    ['becomes a directory', async (path) => rm(path).then(() => mkdir(path))],
    ['may no longer be read', (path) => chmod(path, 0)],
  ])('any more, as it %s while it is sent, is never taken for whole', async (_what, spoil) => {
    const other = await LogWriter.start(bench);
    await truncate(other.path, 100 * MB);
    const { status, body, isWhole } = await answerTo(urlOf(other), 'GET', () => spoil(other.path));
    expect({ status, isWhole }).toEqual({ status: 200, isWhole: false });
    expect(body.length).toBeLessThan(100 * MB);
    await other.end();
  });
});
