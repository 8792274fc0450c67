import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { SocketClient, Stage } from './testing.ts';

/** More than a connection holds beside the bytes of its account, also where a part arrives together with a message. */
const MANY_BYTES = 200_000;
const HEAD = 6;

let stage: Stage;
let client: SocketClient;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage[Symbol.asyncDispose]());
beforeEach(async () => {
  client = new SocketClient(stage.address);
  await client.init();
});
afterEach(() => client.socket.terminate());

const held = () => stage.figure('slurmql_request_bytes');

/** Until the server has read all, without a message. */
async function read(): Promise<void> {
  const answered = once(client.socket, 'pong');
  client.socket.ping('all');
  await answered;
}

async function control(kind: 'ping' | 'pong', text: string): Promise<void> {
  const count = Math.ceil(MANY_BYTES / (HEAD + text.length));
  for (let sent = 1; sent <= count; sent += 1) {
    client.socket[kind](text);
    // The library ends a connection with many pings that it could not answer yet.
    if (kind === 'ping' && sent % 20 === 0) await once(client.socket, 'pong');
  }
}

it.each([
  ['empty pongs', () => control('pong', '')],
  ['pongs', () => control('pong', 'x'.repeat(10))],
  ['pongs as long as they may be', () => control('pong', 'x'.repeat(125))],
  ['pings', () => control('ping', 'x'.repeat(125))],
  [
    'pongs behind a message',
    async () => {
      client.socket.send('{"type":"ping"}');
      await control('pong', 'x');
    },
  ],
  [
    'pongs behind a message in parts',
    async () => {
      client.socket.send('{"type":', { fin: false });
      await control('pong', 'x'.repeat(125));
      client.socket.send('"ping"}', { fin: true });
      await control('pong', 'x'.repeat(50));
    },
  ],
])('a connection that only listens holds no bytes of requests, whatever it has sent: %s', async (_what, send) => {
  await send();
  await read();
  expect(await held()).toBe(0);
  expect(client.socket.readyState).toBe(client.socket.OPEN);
});

it.each(['', 'x', 'x'.repeat(125)])(
  'what comes between the parts of a message is held with it: pongs of "%s"',
  async (text) => {
    client.socket.send('{"type":', { fin: false });
    await control('pong', text);
    await read();
    expect(await held()).toBeGreaterThan(MANY_BYTES);
    client.socket.send('"ping"}', { fin: true });
    await expect.poll(held).toBe(0);
  },
);
