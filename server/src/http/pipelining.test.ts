import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aJob } from '../domain/testing.ts';
import { Stage, TOKEN } from './testing.ts';

const HEAD = `HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n`;
const UPGRADE = `${HEAD}Connection: upgrade\r\nUpgrade: websocket\r\n`;
const RIGHT = `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n`;
const job = aJob({ state: 'RUNNING', startedAt: new Date(), endedAt: null, exitCode: null });
const get = (query: string, accept: string) =>
  `GET /graphql?query=${encodeURIComponent(query)} ${HEAD}Accept: ${accept}\r\n\r\n`;
const STREAM = get('subscription { jobEvents { cursor } }', 'text/event-stream');
const WAIT = get(
  `{ job(id: "${encodeGlobalID('Job', job.id)}", waitUntilOverSeconds: 300) { state } }`,
  'application/json',
);

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.create([job]);
});
afterAll(() => stage?.[Symbol.asyncDispose]());

async function enter(text: string): Promise<Socket> {
  const socket = connect(Number(new URL(stage.address).port), '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(text, 'latin1');
  return socket;
}

/** What is under way for clients. */
async function underWay(): Promise<{ streams: number; waits: number; subscriptions: number }> {
  const headers = { authorization: `Bearer ${TOKEN}`, connection: 'close' };
  const text = await (await fetch(`${stage.address}/metrics`, { headers })).text();
  const figure = (name: string) => Number(new RegExp(`^slurmql_${name} (\\d+)`, 'm').exec(text)?.[1]);
  return {
    streams: figure('streams'),
    waits: figure('waiting_requests'),
    subscriptions: figure('shared_subscriptions'),
  };
}
const NOTHING = { streams: 0, waits: 0, subscriptions: 0 };

/** What comes behind requests whose answers have no end. */
const BEHIND: Readonly<Record<string, string>> = {
  nothing: '',
  'an upgrade elsewhere': `GET /elsewhere ${UPGRADE}\r\n`,
  'an upgrade to a WebSocket': `GET /graphql ${UPGRADE}${RIGHT}\r\n`,
  'an upgrade to a WebSocket that is none': `GET /graphql ${UPGRADE}\r\n`,
  'an upgrade with a body': `POST /graphql ${UPGRADE}Content-Length: 5\r\n\r\nhello`,
  'several upgrades': `GET /elsewhere ${UPGRADE}\r\n`.repeat(5),
  'a CONNECT': `CONNECT elsewhere.example:443 ${HEAD}\r\n`,
  'a CONNECT with what it leads to': `CONNECT elsewhere.example:443 ${HEAD}\r\n\x16\x03\x01\x02`,
  'one request too many': STREAM,
  'one too many, and an upgrade': `${STREAM}GET /elsewhere ${UPGRADE}\r\n`,
  'one too many, which is an upgrade': `${WAIT}${STREAM.replace(HEAD, UPGRADE)}`,
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'what is no HTTP': '\x16\x03\x01\x02\x00\x01\r\n\r\n',
};

describe('answers that wait behind others on their connection', () => {
  it.each(Object.entries(BEHIND))('end with it, where %s comes behind', async (_what, behind) => {
    for (const [requests, isAtOnce] of [
      [STREAM.repeat(8), true],
      [STREAM.repeat(8), false],
      [WAIT.repeat(8), true],
      [STREAM + WAIT.repeat(7), false],
      [WAIT + STREAM.repeat(7), false],
    ] as const) {
      const sockets = await Promise.all(
        Array.from({ length: 3 }, () => enter(isAtOnce ? requests + behind : requests)),
      );
      if (!isAtOnce) {
        await expect.poll(async () => (await underWay()).streams).toBeGreaterThan(0);
        for (const socket of sockets) socket.write(behind, 'latin1');
      }
      // An answer that comes later shows that they have been read.
      await underWay();
      for (const socket of sockets) socket.resetAndDestroy();
      await expect.poll(underWay, { timeout: 10_000 }).toEqual(NOTHING);
    }
  });

  it.each(Object.entries(BEHIND).filter(([what]) => what.includes('upgrade') || what.includes('CONNECT')))(
    'are not mixed with what answers %s: the connection is closed',
    async (_what, behind) => {
      const socket = await enter(STREAM);
      let text = '';
      socket.on('data', (piece) => {
        text += String(piece);
      });
      await once(socket, 'data');
      socket.write(behind, 'latin1');
      await once(socket, 'close');
      expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    },
  );
});
