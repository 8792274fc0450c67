import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { textFrame } from './text-frame.ts';

let server: WebSocketServer;
let client: WebSocket;
let stream: Socket;

beforeAll(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const connected = once(server, 'connection');
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [, request] = await connected;
  stream = request.socket;
});
afterAll(() => {
  client.terminate();
  server.close();
});

describe('a text frame', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('of %i bytes is read as its text', async (length) => {
    const text = 'ü'.repeat(length / 2) + 'x'.repeat(length % 2);
    const bytes = Buffer.from(text);
    const middle = Math.floor(length / 3);
    const message = once(client, 'message');
    stream.write(textFrame([bytes.subarray(0, middle), bytes.subarray(middle)]));
    const [data, isBinary] = await message;
    expect({ text: String(data), isBinary }).toEqual({ text, isBinary: false });
  });
});
