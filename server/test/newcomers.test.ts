import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDuring } from './support/memory.ts';
import { TestServer, until } from './support/server.ts';

const MB = 1_000_000;

let server: TestServer;
/** What was written when it started. */
let greeting: string;
beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
  await figures();
  greeting = server.errors;
});
afterAll(() => server?.[Symbol.asyncDispose]());

const HEAD = 'host: localhost\r\n';
const JSON_TYPE = 'content-type: application/json\r\n';
const UPGRADE = `GET /graphql HTTP/1.1\r\n${HEAD}upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${'A'.repeat(22)}==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n`;
const post = (path: string, headers: string) => `POST ${path} HTTP/1.1\r\n${HEAD}${JSON_TYPE}${headers}\r\n`;
const CHUNKED = 'transfer-encoding: chunked\r\n';
const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;

/** A WebSocket frame from a client, with a mask of zeros: its first byte, the length it says, and what comes of it. */
function frame(first: number, length: number, sent: Buffer): Buffer {
  const head = Buffer.alloc(14);
  head[0] = first;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, sent]);
}
const ping = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125)]);

type Pieces = readonly (string | Buffer)[];

/** What is sent by somebody who has no credential and means to stay. */
const STAYING: Readonly<Record<string, Pieces>> = {
  nothing: [],
  'the head of a request without an end': [`GET / HTTP/1.1\r\n${HEAD}x-a: 1\r\n`],
  'a head in crumbs': [...`GET /graphql HTTP/1.1\r\n${HEAD}`],
  'a head that is too large': [`GET / HTTP/1.1\r\n${HEAD}x-a: ${'x'.repeat(100_000)}`],
  'half of an upgrade': [UPGRADE.slice(0, -4)],
  'an upgrade to another path': [UPGRADE.replace('/graphql', '/elsewhere')],
  'an upgrade to another protocol': [UPGRADE.replace('websocket', 'h2c')],
  'the beginning of a TLS handshake': [Buffer.from('160301020001000111', 'hex'), Buffer.alloc(300)],
  'a request that is answered': [`GET /healthz HTTP/1.1\r\n${HEAD}\r\n`],
  'a request of HTTP/1.0': ['GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n'],
  'a sign-in without an end': [post('/session', 'content-length: 4000\r\n'), '{"token":"'],
  'a sign-in that is too large': [post('/session', 'content-length: 900000\r\n'), 'x'.repeat(800_000)],
  'a sign-in in chunks': [post('/session', CHUNKED), chunk(1000)],
  'a sign-in in chunks of a byte': [post('/session', CHUNKED), ...Array.from({ length: 500 }, () => chunk(1))],
  'a sign-in once it is told to go on': [post('/session', `${CHUNKED}expect: 100-continue\r\n`), chunk(10)],
  'an operation without an end': [post('/graphql', 'content-length: 900000\r\n'), 'x'.repeat(800_000)],
  'an operation in chunks': [post('/graphql', CHUNKED), chunk(60_000), chunk(60_000)],
  'a compressed operation': [
    post('/graphql', 'content-encoding: gzip\r\ncontent-length: 900000\r\n'),
    gzipSync(Buffer.alloc(50 * MB)),
  ],
  'a form of many parts': [
    post('/graphql', 'content-length: 900000\r\n').replace('application/json', 'multipart/form-data; boundary=x'),
    '--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n',
    'x'.repeat(500_000),
  ],
  'a body where none is taken': [post('/healthz', CHUNKED), chunk(60_000)],
  'a WebSocket and nothing more': [UPGRADE],
  'a message that is nearly a MiB': [UPGRADE, frame(0x81, MB, Buffer.alloc(900_000))],
  'a message in fragments': [UPGRADE, ...Array.from({ length: 15 }, () => frame(0x01, 1, Buffer.alloc(1)))],
  'a message in many fragments': [
    UPGRADE,
    frame(0x01, 1, Buffer.alloc(1)),
    ...Array.from({ length: 10_000 }, () => frame(0x00, 1, Buffer.alloc(1))),
  ],
  pings: [UPGRADE, ...Array.from({ length: 2000 }, () => ping)],
  'a frame that is none': [UPGRADE, Buffer.alloc(100, 0xff)],
  'a word that only servers say': [UPGRADE, frame(0x81, 25, Buffer.from('{"type":"connection_ack"}'))],
  'an answer to what was not asked': [UPGRADE, frame(0x81, 34, Buffer.from('{"type":"next","id":"1","payload":{}}'))],
};

/** Stays on its side whatever the server does, and reads nothing unless it is told to. */
function enter(pieces: Pieces, isReading = false): Socket {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.address).port), allowHalfOpen: true });
  socket.on('error', () => undefined);
  if (isReading) socket.resume();
  for (const piece of pieces) socket.write(piece);
  return socket;
}

async function figures(): Promise<{ connections: number; newcomers: number }> {
  const headers = { authorization: `Bearer ${server.token}`, connection: 'close' };
  const text = await (await fetch(`${server.address}/metrics`, { headers })).text();
  const figure = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]);
  return { connections: figure('slurmql_connections'), newcomers: figure('slurmql_newcomers') };
}

/** Somebody with a credential is served all the while: on new connections over HTTP, and over a WebSocket. */
async function besides(attack: () => Promise<void>): Promise<void> {
  const serve = async () => {
    expect(await server.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } });
    await figures();
    const socket = server.subscribe('{ viewer { name } }');
    expect((await socket.next()).value).toEqual({ viewer: { name: 'Administrator' } });
    await socket.return(undefined);
    // Fewer a second than one connection may begin.
    await pause(40);
  };
  let isOver = false;
  const served = (async () => {
    do await serve();
    while (!isOver);
  })();
  try {
    await Promise.all([served, attack().finally(() => (isOver = true))]);
  } finally {
    isOver = true;
  }
  await serve();
}

describe('without a credential', () => {
  it.each([
    ['taking nothing of what it is sent', false],
    ['reading', true],
  ])('nobody stays, %s', async (_how, isReading) => {
    const sockets: Socket[] = [];
    try {
      await besides(async () => {
        for (const pieces of Object.values(STAYING)) {
          for (let times = 0; times < 5; times += 1) sockets.push(enter(pieces, isReading));
        }
        await until(figures, ({ connections }) => connections <= 3, 30_000);
      });
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    // Nor can anybody fill the log.
    expect(server.errors).toBe(greeting);
  });

  it.each<[string, number, Pieces]>([
    ['bodies of a sign-in', 3_000, [post('/session', 'content-length: 1000000\r\n'), Buffer.alloc(900_000, 'x')]],
    ['bodies in chunks', 1_000, [post('/session', CHUNKED), ...Array.from({ length: 10 }, () => chunk(60_000))]],
    ['bodies of an operation', 1_000, [post('/graphql', 'content-length: 1000000\r\n'), Buffer.alloc(900_000, 'x')]],
    ['heads', 1_000, [`GET / HTTP/1.1\r\n${HEAD}${`x-a: ${'x'.repeat(1000)}\r\n`.repeat(14)}`]],
    ['connections that say nothing', 3_000, []],
    ['WebSockets with a message of a MiB', 1_000, [UPGRADE, frame(0x81, MB, Buffer.alloc(990_000))]],
    [
      'WebSockets with fragments',
      600,
      [UPGRADE, Buffer.concat(Array.from({ length: 5_000 }, () => frame(1, 1, ping)))],
    ],
    ['requests in one piece', 50, [`GET /healthz HTTP/1.1\r\n${HEAD}\r\n`.repeat(2_000)]],
    ['requests for pages in one piece', 50, [`GET / HTTP/1.1\r\n${HEAD}\r\n`.repeat(2_000)]],
  ])('a flood of %s costs little, and keeps nobody out', async (_what, count, pieces) => {
    const sockets: Socket[] = [];
    const used = await memoryDuring(server, () =>
      besides(async () => {
        while (sockets.length < count) {
          for (let times = 0; times < 50; times += 1) sockets.push(enter(pieces));
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect((await figures()).newcomers).toBeLessThanOrEqual(600);
      }),
    );
    for (const socket of sockets) socket.destroy();
    expect(used).toBeLessThan(120 * MB);
    // At most a few lines a minute, without a stack.
    const lines = server.errors.slice(greeting.length).split('\n').filter(Boolean);
    expect(lines.length).toBeLessThan(20);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({ level: 40, msg: expect.stringMatching(/^Closed /) });
  });
});
