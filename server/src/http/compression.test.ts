import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aJob } from '../domain/testing.ts';
import { acceptedCoding } from './compression.ts';
import { Stage, TOKEN } from './testing.ts';

describe('the coding that is sent', () => {
  it.each([
    [undefined, null],
    ['', null],
    ['identity', null],
    ['gzip, deflate', 'gzip'],
    ['gzip, deflate, br, zstd', 'br'],
    ['GZIP', 'gzip'],
    ['br;q=0.1, gzip;q=0.9', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['br; q=0, gzip ;q=0', null],
    ['*', 'br'],
    ['br;q=0, *;q=0.5', 'gzip'],
    ['gzip;q=1, *;q=0', 'gzip'],
    ['brotli', null],
    ['gzip;q=nonsense', null],
  ])('for Accept-Encoding: %s is %s', (header, coding) => {
    expect(acceptedCoding(header)).toBe(coding);
  });
});

describe('an answer over HTTP', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open();
    await stage.create(Array.from({ length: 50 }, (_, index) => aJob({ name: `train ${index}` })));
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  interface Answer {
    readonly head: IncomingMessage;
    readonly body: Buffer;
  }

  /** Byte for byte, as `fetch` doesn't show it. */
  async function send(path: string, headers: Record<string, string>, body?: object): Promise<Answer> {
    const sent = request(`${stage.address}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const [head] = (await once(sent, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of head) chunks.push(chunk);
    return { head, body: Buffer.concat(chunks) };
  }

  /** The second is no question that the store alone answers. */
  const QUERIES = [
    ['from the store', { query: '{ jobs(first: 50) { nodes { id name command submittedAt cluster { name } } } }' }],
    ['from elsewhere', { query: '{ jobs(first: 50) { nodes { id name command } } clusters { name status } }' }],
    [
      'with errors',
      { query: `{ ${Array.from({ length: 40 }, (_, index) => `wrong${index}${'x'.repeat(100)}`).join(' ')} }` },
    ],
  ] as const;

  it.each(QUERIES)('%s is compressed for whoever takes that, and says the same', async (_from, query) => {
    const plain = await send('/graphql', {}, query);
    expect(plain.head.headers['content-encoding']).toBeUndefined();
    expect(plain.body.length).toBeGreaterThan(2_000);
    for (const [accepted, coding, decode] of [
      ['gzip, deflate', 'gzip', gunzipSync],
      ['gzip, deflate, br', 'br', brotliDecompressSync],
    ] as const) {
      // The second time it may be one that was kept.
      for (let again = 0; again < 2; again += 1) {
        const { head, body } = await send('/graphql', { 'accept-encoding': accepted }, query);
        expect(head.headers).toMatchObject({
          'content-encoding': coding,
          'content-length': String(body.length),
          vary: expect.stringContaining('Accept-Encoding'),
        });
        expect(body.length).toBeLessThan(plain.body.length / 2);
        expect(JSON.parse(String(decode(body)))).toEqual(JSON.parse(String(plain.body)));
      }
    }
    expect(plain.head.headers).toMatchObject({
      'content-length': String(plain.body.length),
      vary: expect.stringContaining('Accept-Encoding'),
    });
  });

  it('that fits into a packet is sent as it is', async () => {
    const { head, body } = await send('/graphql', { 'accept-encoding': 'gzip, br' }, { query: '{ viewer { name } }' });
    expect(head.headers['content-encoding']).toBeUndefined();
    expect(JSON.parse(String(body))).toEqual({ data: { viewer: { name: expect.any(String) } } });
  });

  it('of metrics is compressed too', async () => {
    const { head, body } = await send('/metrics', { 'accept-encoding': 'gzip' });
    expect(head.headers['content-encoding']).toBe('gzip');
    expect(String(gunzipSync(body))).toContain('slurmql_websocket_connections');
  });

  it('that goes on is never held back', async () => {
    const sent = request(`${stage.address}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
        'accept-encoding': 'gzip, br',
      },
    });
    sent.end(JSON.stringify({ query: 'subscription { jobEvents { job { name } } }' }));
    const [head] = (await once(sent, 'response')) as [IncomingMessage];
    expect(head.headers['content-encoding']).toBeUndefined();
    let text = '';
    const told = new Promise<void>((resolve) => {
      head.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (text.includes('comes while it is open')) resolve();
      });
    });
    await stage.create([aJob({ name: 'comes while it is open' })]);
    await told;
    sent.destroy();
  });
});
