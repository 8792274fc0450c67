import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, rm, truncate } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workbench } from './support/jobs.ts';
import { LogWriter } from './support/log-writer.ts';
import { memoryDuring } from './support/memory.ts';
import { until } from './support/server.ts';
import { signIn } from './support/session.ts';

const MB = 1_000_000;

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.open();
});
afterAll(() => bench?.[Symbol.asyncDispose]());

async function urlOf(id: string, stream = 'STDOUT'): Promise<string | null> {
  const query = 'query ($id: ID!, $stream: LogStream) { job(id: $id) { logUrl(stream: $stream) } }';
  const { job } = await bench.server.query<{ job: { logUrl: string | null } }>(query, { id, stream });
  return job.logUrl === null ? null : `${bench.server.address}${job.logUrl}`;
}

const bearer = () => ({ authorization: `Bearer ${bench.server.token}` });

describe('the file of a log', () => {
  it('comes byte for byte over HTTP, whole or in ranges, to whoever has the credential', async () => {
    const writer = await LogWriter.start(bench);
    const bytes = randomBytes(5 * MB + 1);
    await writer.append(bytes);
    const url = (await urlOf(writer.job.id)) ?? '';
    const ask = (headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
      fetch(url, { method, headers: { ...bearer(), ...headers } });
    const bodyOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

    const whole = await ask();
    expect(whole.status).toBe(200);
    expect((await bodyOf(whole)).equals(bytes)).toBe(true);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-length': String(bytes.length),
      'content-type': 'text/plain; charset=utf-8',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
    });
    expect(whole.headers.get('content-disposition')).toMatch(/^attachment; filename="until--e-\d+\.stdout\.log"$/);

    for (const [range, start, end] of [
      ['bytes=0-0', 0, 1],
      ['bytes=1048570-1048580', 1_048_570, 1_048_581],
      ['bytes=5000000-', 5 * MB, bytes.length],
      ['bytes=-7', bytes.length - 7, bytes.length],
    ] as const) {
      const part = await ask({ range });
      expect(part.status).toBe(206);
      expect(part.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${bytes.length}`);
      expect((await bodyOf(part)).equals(bytes.subarray(start, end))).toBe(true);
    }
    const beyond = await ask({ range: 'bytes=5000001-' });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */5000001']);
    expect((await ask({ range: 'bytes=0-1,4-5' })).status).toBe(200);

    const head = await ask({}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '5000001', '']);
    const tag = head.headers.get('etag') ?? '';
    expect((await ask({ range: 'bytes=0-0', 'if-range': tag })).status).toBe(206);
    await writer.append('more');
    const changed = await ask({ range: 'bytes=0-0', 'if-range': tag });
    expect([changed.status, changed.headers.get('content-length')]).toEqual([200, '5000005']);
    await changed.body?.cancel();

    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
    const session = await signIn(bench.server.address, bench.server.token);
    const own = await fetch(url, { headers: { ...session, range: 'bytes=0-0' } });
    expect(own.status).toBe(206);
    const foreign = await fetch(url, { headers: { ...session, origin: 'http://elsewhere.example' } });
    expect(foreign.status).toBe(403);
    const post = await ask({}, 'POST');
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    await writer.end();
  });

  it('is not there for a job that is none, has no file yet, or is an array', async () => {
    const array = await bench.submit({ command: 'true', array: '0-0', name: '../../"naïve"; name' });
    expect(await urlOf(array.id)).toBeNull();
    const statusOf = async (path: string) =>
      (await fetch(`${bench.server.address}${path}`, { headers: bearer() })).status;
    expect(await statusOf(`/jobs/${encodeURIComponent(array.id)}/stdout.log`)).toBe(404);
    expect(await statusOf('/jobs/nobody/stdout.log')).toBe(404);
    expect(await statusOf('/jobs/%ff/stderr.log')).toBe(404);
    await bench.ended(array.id);
    const tasks = 'query ($id: ID!) { job(id: $id) { tasks { nodes { id } } } }';
    const { job } = await bench.server.query<{ job: { tasks: { nodes: { id: string }[] } } }>(tasks, { id: array.id });
    const response = await fetch((await urlOf(job.tasks.nodes[0]?.id ?? '', 'STDERR')) ?? '', { headers: bearer() });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '0']);
    expect(response.headers.get('content-disposition')).toMatch(/filename="nai-ve-name-\d+_0\.stderr\.log"$/);
  });

  it('comes no further once the session is over under which it was asked for', async () => {
    const writer = await LogWriter.start(bench);
    await truncate(writer.path, 500 * MB);
    const session = await signIn(bench.server.address, bench.server.token);
    const response = await fetch((await urlOf(writer.job.id)) ?? '', { headers: { ...session } });
    const reader = response.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    await fetch(`${bench.server.address}/session`, { method: 'DELETE', headers: { ...session } });
    const rest = async () => {
      while ((await reader?.read())?.done === false);
    };
    await expect(rest()).rejects.toThrow();
    await writer.end();
  });

  it('is read no faster than the client takes it, and not any more once the client has gone', async () => {
    const writer = await LogWriter.start(bench);
    await truncate(writer.path, 2_000 * MB);
    const url = (await urlOf(writer.job.id)) ?? '';
    const requests = async () => {
      const text = await (await fetch(`${bench.server.address}/metrics`, { headers: bearer() })).text();
      return Number(/^slurmql_cluster_commands_total\{cluster="alpha",kind="files"\} (\d+)/m.exec(text)?.[1]);
    };
    /** Until for a second there is nothing but the looks at the workspace. */
    const rests = async () => {
      await until(
        async () => {
          const before = await requests();
          await pause(1000);
          return (await requests()) - before;
        },
        (count) => count <= 4,
      );
    };
    const used = await memoryDuring(bench.server, async () => {
      const [response] = (await once(get(url, { headers: bearer() }), 'response')) as [IncomingMessage];
      await once(response, 'readable');
      const before = await requests();
      await rests();
      // 2,000 reads would be needed for all of it.
      expect((await requests()) - before).toBeLessThan(200);
      response.destroy();
      await rests();
    });
    expect(used).toBeLessThan(300 * MB);
    await writer.end();
    await rm(writer.path);
  });
});

interface Found {
  readonly matches: readonly {
    readonly lineNumber: number;
    readonly lineOffset: number;
    readonly matchOffset: number;
    readonly text: string;
    readonly textOffset: number;
    readonly isTextCut: boolean;
  }[];
  readonly hasMore: boolean;
  readonly endOffset: number;
  readonly bytesSearched: number;
}

const SEARCH = `query ($jobId: ID!, $pattern: String!, $isRegex: Boolean, $ignoreCase: Boolean, $first: Int, $after: SafeInt) {
  logSearch(jobId: $jobId, pattern: $pattern, isRegex: $isRegex, ignoreCase: $ignoreCase, first: $first, after: $after) {
    matches { lineNumber lineOffset matchOffset text textOffset isTextCut } hasMore endOffset bytesSearched } }`;

async function search(jobId: string, pattern: string, more: Readonly<Record<string, unknown>> = {}): Promise<Found> {
  return (await bench.server.query<{ logSearch: Found }>(SEARCH, { jobId, pattern, ...more })).logSearch;
}

async function refusal(jobId: string, pattern: string, more: Readonly<Record<string, unknown>> = {}) {
  const { errors } = await bench.server.send(SEARCH, { jobId, pattern, ...more });
  return { message: errors?.[0]?.message, code: errors?.[0]?.extensions?.['code'] };
}

describe('a search of a log', () => {
  it('finds each place with its line and its offsets, and goes on where it ended', async () => {
    const writer = await LogWriter.start(bench);
    const text = `zero\nüne Error, another error\n${'x'.repeat(5000)} error deep ${'y'.repeat(5000)}\nit's $HOME \`id\` "end"\r\nno newline: error`;
    await writer.append(text);
    const bytes = Buffer.from(text);
    const { id } = writer.job;
    const places = (words: string) => {
      const found: number[] = [];
      for (let at = bytes.indexOf(words); at !== -1; at = bytes.indexOf(words, at + 1)) found.push(at);
      return found;
    };
    const all = await search(id, 'error');
    expect(all).toMatchObject({ hasMore: false, endOffset: bytes.length, bytesSearched: bytes.length });
    expect(all.matches.map(({ matchOffset }) => matchOffset)).toEqual(places('error'));
    expect(all.matches.map(({ lineNumber }) => lineNumber)).toEqual([2, 3, 5]);
    expect(all.matches.map(({ lineOffset }) => bytes.lastIndexOf('\n', lineOffset) + 1)).toEqual(
      all.matches.map(({ lineOffset }) => lineOffset),
    );
    expect(all.matches[0]).toMatchObject({ text: 'üne Error, another error', lineOffset: 5, isTextCut: false });
    expect(all.matches[1]?.text).toContain('x error deep y');
    expect(all.matches[1]).toMatchObject({ isTextCut: true });
    expect(all.matches[2]).toMatchObject({ text: 'no newline: error', isTextCut: false });

    const seen: number[] = [];
    let after = 0;
    for (;;) {
      const page = await search(id, 'error', { ignoreCase: true, first: 1, after });
      seen.push(...page.matches.map(({ matchOffset }) => matchOffset));
      expect(page.bytesSearched).toBe(page.endOffset - after);
      after = page.endOffset;
      if (!page.hasMore) break;
    }
    expect(seen).toEqual([...places('error'), ...places('Error')].sort((left, right) => left - right));
    // Lines are counted from the beginning, wherever the search begins.
    expect((await search(id, 'error', { after: 40 })).matches.map(({ lineNumber }) => lineNumber)).toEqual([3, 5]);
    expect((await search(id, 'error', { after: 10 * MB })).matches).toEqual([]);

    // Nothing in a pattern is for the shell.
    for (const pattern of [`it's $HOME \`id\` "end"`, '-e', '$(touch /tmp/x)', '\\', '*']) {
      expect((await search(id, pattern)).matches.map(({ matchOffset }) => matchOffset)).toEqual(places(pattern));
    }
    const regex = await search(id, '^(zero|no .*error)$', { isRegex: true });
    expect(regex.matches.map(({ lineNumber }) => lineNumber)).toEqual([1, 5]);
    expect((await search(id, 'ü')).matches).toHaveLength(1);
    expect((await search(id, '\\\\1', { isRegex: true })).matches).toEqual([]);
    await writer.end();
  });

  it('refuses a pattern that is none, and names it', async () => {
    const writer = await LogWriter.start(bench);
    await writer.append('words\n');
    const { id } = writer.job;
    for (const [pattern, isRegex] of [
      ['', false],
      ['a\nb', false],
      ['x'.repeat(1001), false],
      ['(', true],
      ['[a', true],
      ['a*', true],
      ['a{99999}', true],
      ['((a{1,255}){1,255}){1,255}', true],
      // grep would try everything.
      ['(a*)*b\\\\\\1', true],
    ] as const) {
      expect(await refusal(id, pattern, { isRegex })).toEqual({
        code: 'BAD_USER_INPUT',
        message: expect.stringMatching(/^pattern: ./),
      });
    }
    await writer.end();
  });

  it('is bounded where the file is huge, and nothing hangs on a pattern that never ends', async () => {
    const writer = await LogWriter.start(bench);
    const file = await open(writer.path, 'a');
    const block = Buffer.from(`${'abcdefghi '.repeat(9)}abcdefgh\n`.repeat(100_000));
    for (let part = 0; part < 30; part += 1) await file.write(block);
    await file.write('a needle\n');
    await file.write(Buffer.alloc(50 * MB, 'a'));
    await file.write(' deep needle');
    await file.close();
    const { id } = writer.job;
    const size = 30 * block.length;
    const used = await memoryDuring(bench.server, async () => {
      const { matches, bytesSearched } = await search(id, 'needle');
      expect(matches.map(({ lineNumber, lineOffset, matchOffset }) => [lineNumber, lineOffset, matchOffset])).toEqual([
        [3_000_001, size, size + 2],
        [3_000_002, size + 9, size + 9 + 50 * MB + 6],
      ]);
      expect(bytesSearched).toBe(size + 9 + 50 * MB + 12);
      const many = await search(id, 'abc', { first: 1000 });
      expect(many.matches).toHaveLength(200);
      expect(many.hasMore).toBe(true);
      // What takes other engines forever.
      const hard = await search(id, '(a|a)*(a|aa)+(a+)+Q', { isRegex: true });
      expect(hard).toMatchObject({ matches: [], hasMore: false, endOffset: bytesSearched });
      expect((await search(id, 'a needle')).matches).toHaveLength(1);
    });
    expect(used).toBeLessThan(200 * MB);
    await writer.end();
    await rm(writer.path);
  }, 180_000);
});
