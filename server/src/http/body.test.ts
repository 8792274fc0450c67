import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BodyTooLarge, readBody } from './body.ts';

const LIMIT = 1000;
let port: number;
let outcome: PromiseWithResolvers<Buffer>;
const server = createServer((request, response) => {
  readBody(request, { maxBytes: LIMIT, timeoutMs: 60_000 })
    .then(outcome.resolve, outcome.reject)
    .finally(() => {
      response.writeHead(200, { connection: 'close' }).end();
      request.destroy();
    });
});

beforeEach(async () => {
  outcome = Promise.withResolvers<Buffer>();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

/** Sends a body in these pieces. With a length the request says it beforehand, else it comes in chunks. */
function post(pieces: readonly Buffer[], length?: number): Promise<Buffer> {
  const client = send({
    port,
    host: '127.0.0.1',
    method: 'POST',
    headers: length === undefined ? {} : { 'content-length': length },
  });
  // The server hangs up on what is too large.
  client.on('error', () => undefined);
  for (const piece of pieces) client.write(piece);
  client.end();
  return outcome.promise;
}

describe('a body', () => {
  it('is read whole, in however many pieces it comes', async () => {
    const text = Buffer.from('{"query":"{ viewer { name } }","note":"ü🐧"}');
    const pieces = [...text].map((byte) => Buffer.from([byte]));
    expect((await post(pieces)).equals(text)).toBe(true);
  });

  it('may be empty, and as large as is taken', async () => {
    expect((await post([], 0)).length).toBe(0);
    outcome = Promise.withResolvers<Buffer>();
    expect((await post([Buffer.alloc(LIMIT)], LIMIT)).length).toBe(LIMIT);
  });

  it('that says beforehand that it is too large is not read', async () => {
    await expect(post([], LIMIT + 1)).rejects.toThrow(BodyTooLarge);
  });

  it('that turns out to be too large is not read to its end', async () => {
    await expect(post([Buffer.alloc(LIMIT), Buffer.alloc(1)])).rejects.toThrow(BodyTooLarge);
  });
});
