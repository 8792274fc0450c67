import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { writeTextFrame } from './text-frame.ts';

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
    writeTextFrame(stream, [bytes.subarray(0, middle), bytes.subarray(middle)]);
    const [data, isBinary] = await message;
    expect({ text: String(data), isBinary }).toEqual({ text, isBinary: false });
  });

  it('that waits in a stream keeps its text, whatever is written to others', () => {
    const [slow, other] = [new Waiting(), new Waiting()];
    writeTextFrame(slow, [Buffer.from('first')]);
    writeTextFrame(slow, [Buffer.from('second')]);
    writeTextFrame(other, [Buffer.from('other')]);
    slow.takeAll();
    other.takeAll();
    expect([slow.texts, other.texts]).toEqual([['first', 'second'], ['other']]);
  });

  it('that a stream takes at once is no longer held', () => {
    const quick = new Waiting();
    quick.takeAll();
    const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    for (const text of texts) writeTextFrame(quick, [Buffer.from(text)]);
    expect(quick.texts).toEqual(texts);
    // All of them lay in the same memory.
    expect(new Set(quick.memory).size).toBe(1);
  });
});

/** Reads what it is given when it is told to, and from then on at once. */
class Waiting extends Writable {
  readonly texts: string[] = [];
  readonly memory: ArrayBufferLike[] = [];
  #isTaking = false;
  #waiting: (() => void) | null = null;

  override _write(frame: Buffer, _encoding: string, done: () => void): void {
    const take = () => {
      this.texts.push(frame.subarray(2).toString());
      this.memory.push(frame.buffer);
      done();
    };
    if (this.#isTaking) take();
    else this.#waiting = take;
  }

  takeAll(): void {
    this.#isTaking = true;
    this.#waiting?.();
  }
}
