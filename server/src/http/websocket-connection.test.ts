import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as ws from 'ws';
import { Stage, TOKEN } from './testing.ts';
import { MOST_NEWCOMER_BYTES } from './websocket-connection.ts';

const { WebSocket } = ws;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage[Symbol.asyncDispose]());

it.each([
  ['as long as fits', 'a'.repeat(93)],
  ['one character longer', 'a'.repeat(94)],
  ['long', 'a'.repeat(900)],
  ['of two bytes a character', 'é'.repeat(500)],
  ['of three bytes a character, one of which is cut', `a${'训'.repeat(300)}`],
  ['of four bytes a character', '🐧'.repeat(250)],
  ['of halves of characters', '\ud800'.repeat(400)],
])('a client that uses an id twice is closed for that, though the id is %s', async (_what, id) => {
  const socket = new WebSocket(`${stage.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } }));
  await once(socket, 'message');
  const subscribe = JSON.stringify({
    id,
    type: 'subscribe',
    payload: { query: 'subscription { clusterStatus { name } }' },
  });
  socket.send(subscribe);
  socket.send(subscribe);
  const [code, reason] = await once(socket, 'close');
  expect([code, String(reason)]).toEqual([4409, expect.stringMatching(/^Subscriber for /)]);
});

const HANDSHAKE =
  'GET /graphql HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
  `sec-websocket-key: ${'A'.repeat(22)}==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n`;

/** A frame of a client (RFC 6455, 5.2), of fewer than 65,536 bytes. */
function frame(code: number, text = '', isLast = true): Buffer {
  const length = text.length < 126 ? [text.length] : [126, text.length >> 8, text.length & 0xff];
  const [head = 0, ...more] = length;
  return Buffer.concat([
    Buffer.from([(isLast ? 0x80 : 0) | code, 0x80 | head, ...more, 0, 0, 0, 0]),
    Buffer.from(text),
  ]);
}
const many = (one: Buffer) => Buffer.concat(Array.from({ length: Math.floor(60_000 / one.length) }, () => one));

describe.each(['with the handshake', 'behind it'])('a client without a credential that sends much %s', (when) => {
  it.each([
    ['pongs', many(frame(0xa))],
    ['pings', many(frame(0x9))],
    ['long pings', many(frame(0x9, 'x'.repeat(125)))],
    ['empty messages', many(frame(0x1))],
    ['pings of the protocol', many(frame(0x1, '{"type":"ping"}'))],
    ['a message in parts', Buffer.concat([frame(0x1, ' ', false), many(frame(0x0, '', false))])],
    ['a message', frame(0x1, ' '.repeat(60_000))],
  ])('is disconnected before it is parsed: %s', async (_what, bytes) => {
    // Its types leave the parser out.
    const { Receiver } = ws as unknown as { Receiver: { prototype: { write: (piece: Buffer) => boolean } } };
    const parse = vi.spyOn(Receiver.prototype, 'write');
    const socket = connect(Number(new URL(stage.address).port), '127.0.0.1').on('error', () => undefined);
    socket.resume();
    const closed = once(socket, 'close');
    if (when === 'with the handshake') socket.write(Buffer.concat([Buffer.from(HANDSHAKE), bytes]));
    else {
      socket.write(HANDSHAKE);
      await once(socket, 'data');
      socket.write(bytes);
    }
    await closed;
    const parsed = parse.mock.calls.reduce((sum, [piece]) => sum + piece.length, 0);
    parse.mockRestore();
    expect(parsed).toBeLessThanOrEqual(MOST_NEWCOMER_BYTES);
  });
});
