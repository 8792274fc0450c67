import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { staticFiles } from './static-files.ts';

const stack = new AsyncDisposableStack();
let port = 0;
beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-web-'));
  stack.defer(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'assets'));
  const files = {
    'index.html': 'the page, as it is',
    'index.html.br': 'the page: br',
    'index.html.gz': 'the page: gzip',
    'assets/a.js': 'the script, as it is',
    'assets/a.js.br': 'a script: br',
    'assets/a.js.gz': 'a script: gzip',
    'assets/small.js': 'small',
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  const server = createServer(staticFiles(directory));
  stack.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => stack.disposeAsync());

async function get(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ head: IncomingMessage; text: string }> {
  const sent = request({ port, path, headers }).end();
  const [head] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of head.setEncoding('utf8')) text += piece;
  return { head, text };
}

describe('a file of the dashboard', () => {
  it.each([
    ['/assets/a.js', 'gzip, deflate, br', 'br', 'a script: br'],
    ['/assets/a.js', 'gzip, deflate', 'gzip', 'a script: gzip'],
    ['/assets/a.js', 'br;q=0, gzip', 'gzip', 'a script: gzip'],
    ['/assets/a.js', 'gzip;q=0, br;q=0', undefined, 'the script, as it is'],
    ['/assets/a.js', '', undefined, 'the script, as it is'],
    ['/assets/small.js', 'gzip, br', undefined, 'small'],
    ['/', 'br', 'br', 'the page: br'],
    ['/jobs/any', 'gzip', 'gzip', 'the page: gzip'],
  ])('%s for Accept-Encoding: %s is sent as %s', async (path, accepted, coding, expected) => {
    const { head, text } = await get(path, { 'accept-encoding': accepted });
    expect(text).toBe(expected);
    expect(head.headers['content-encoding']).toBe(coding);
    expect(head.headers['content-length']).toBe(String(expected.length));
    expect(head.headers.vary).toBe('Accept-Encoding');
    expect(head.headers['content-type']).toMatch(path.endsWith('.js') ? /javascript/ : /text\/html/);
    expect(head.headers['content-security-policy']).toContain("default-src 'self'");
  });

  it('has a tag of its own in each form, by which it is known again', async () => {
    const tags = new Set<string>();
    for (const accepted of ['br', 'gzip', '']) {
      const { head } = await get('/assets/a.js', { 'accept-encoding': accepted });
      const { etag = '' } = head.headers;
      tags.add(etag);
      const again = await get('/assets/a.js', { 'accept-encoding': accepted, 'if-none-match': etag });
      expect(again.head.statusCode).toBe(304);
      expect(again.head.headers).toMatchObject({ etag, vary: 'Accept-Encoding' });
      for (const name of ['content-security-policy', 'referrer-policy', 'cache-control']) {
        expect(again.head.headers[name]).toBe(head.headers[name]);
      }
      const other = await get('/assets/a.js', { 'accept-encoding': accepted, 'if-none-match': '"another"' });
      expect(other.head.statusCode).toBe(200);
      expect(other.head.headers.etag).toBe(etag);
    }
    expect(tags.size).toBe(3);
  });

  it('is sent whole when a part of it is asked for', async () => {
    const { head, text } = await get('/assets/a.js', { range: 'bytes=-5' });
    expect([head.statusCode, text]).toEqual([200, 'the script, as it is']);
  });

  it('that is none is told without a tag', async () => {
    const { head } = await get('/assets/none.js', { 'if-none-match': '"x"' });
    expect(head.statusCode).toBe(404);
    expect(head.headers.etag).toBeUndefined();
    expect(head.headers['cache-control']).toBeUndefined();
    expect(head.headers['content-security-policy']).toContain("default-src 'none'");
  });
});
