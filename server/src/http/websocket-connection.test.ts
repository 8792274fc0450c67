import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Stage, TOKEN } from './testing.ts';

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
