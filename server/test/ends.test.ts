import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestRepository } from './support/repository.ts';
import { ServerProcess, until } from './support/server.ts';

const TOKEN = 'a-token-for-tests-only';
/** A thread that waits for a disk, as far as Node can tell: nobody ever writes to the pipe. */
const HANG = `import { open } from 'node:fs'; import { execFileSync } from 'node:child_process';
execFileSync('mkfifo', ['pipe']); open('pipe', 'r', () => {});`;
/** Time stands still for those who wait so long. */
const never = (...delays: readonly number[]) =>
  `const real = setTimeout; globalThis.setTimeout = (work, ms, ...rest) => real(work, ${JSON.stringify(delays)}.includes(ms) ? 2 ** 30 : ms, ...rest);`;
const DRAIN_MS = 2000;
const STOP_MS = 5000;

let directory: string;
let repository: TestRepository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-ends-'));
  await writeFile(join(directory, 'clusters.yaml'), 'clusters: {}\n');
  repository = await TestRepository.create({ 'run.sh': 'true\n' });
  // Whoever asks git for something waits until it is ended.
  await mkdir(join(directory, 'bin'));
  await writeFile(
    join(directory, 'bin/git'),
    '#!/bin/sh\necho $$ >git.pid.new; mv git.pid.new git.pid; exec sleep 600\n'.replaceAll(
      'git.pid',
      join(directory, 'git.pid'),
    ),
  );
  await chmod(join(directory, 'bin/git'), 0o755);
});
afterEach(async () => {
  await repository[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** A server with a client that follows, and one whose request waits for git. `code` is run before it in its process. */
async function busyServer(code = ''): Promise<{ server: ServerProcess; followed: Promise<string>; git: number }> {
  await writeFile(join(directory, 'preload.mjs'), code);
  const server = new ServerProcess(directory, {
    SLURMQL_TOKEN: TOKEN,
    NODE_OPTIONS: `--import=${join(directory, 'preload.mjs')}`,
    PATH: `${join(directory, 'bin')}${delimiter}${process.env['PATH']}`,
  });
  const port = Number(/:(\d+)$/.exec(await server.firstLine())?.[1]);
  const followed = follow(port);
  const query = `mutation { addProject(input: { path: ${JSON.stringify(repository.path)} }) { project { id } } }`;
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  fetch(`http://127.0.0.1:${port}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) }).catch(
    () => undefined,
  );
  const git = await until(
    async () => Number(await readFile(join(directory, 'git.pid'), 'utf8').catch(() => '0')),
    (pid) => pid > 0,
  );
  return { server, followed, git };
}

/** How a stream ends for a client of HTTP/1.0, which takes the connection's end for that of the answer. */
function follow(port: number): Promise<string> {
  const body = JSON.stringify({ query: 'subscription { clusterStatus { name } }' });
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `POST /graphql HTTP/1.0\r\nauthorization: Bearer ${TOKEN}\r\naccept: text/event-stream\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return new Promise((resolve) => {
    socket.resume();
    socket.once('end', () => resolve('whole'));
    socket.once('error', (cause: NodeJS.ErrnoException) => resolve(cause.code ?? ''));
  });
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a fault that nobody catches has the last word, and ends the server with code 1 and all that it has begun', () => {
  it.each([
    ['an error', "throw new Error('on purpose')", 'on purpose'],
    ['a promise that nobody waits for', "Promise.reject(new Error('on purpose'))", 'on purpose'],
    ['an event of errors that nobody hears', "new EventEmitter().emit('error', new Error('on purpose'))", 'on purpose'],
    ['what is no error', "throw 'on purpose'", 'on purpose'],
    ['nothing at all', 'throw undefined', 'undefined was thrown'],
    ['a promise of no error', 'Promise.reject(null)', 'null'],
    ['an error while a disk hangs', `open('pipe', 'r', () => {}); throw new Error('on purpose')`, 'on purpose'],
  ])('%s', async (_name, fault, said) => {
    const code = `import { EventEmitter } from 'node:events'; import { open } from 'node:fs'; import { execFileSync } from 'node:child_process';
execFileSync('mkfifo', ['pipe']); process.once('SIGUSR2', () => { ${fault} });`;
    const { server, followed, git } = await busyServer(code);
    process.kill(server.pid, 'SIGUSR2');
    expect(await server.exited()).toBe(1);
    const lines = server.errors.trimEnd().split('\n');
    const last = JSON.parse(lines.at(-1) ?? '') as { level: number; msg: string; err: unknown };
    expect(last).toMatchObject({ level: 60, msg: 'The server is stopping after an uncaught error' });
    expect(JSON.stringify(last.err)).toContain(said);
    expect(await followed).toBe('ECONNRESET');
    await until(
      async () => isAlive(git),
      (isThere) => !isThere,
      20_000,
    );

    const database = new SqliteDatabase(join(directory, 'data/slurmql.db'));
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(database.prepare('select count(*) from projects').pluck().get()).toBe(0);
    database.close();
    await writeFile(join(directory, 'preload.mjs'), '');
    const next = new ServerProcess(directory, { SLURMQL_TOKEN: TOKEN });
    expect(await next.firstLine()).toMatch(/^SlurmQL listening/);
    expect(await next.stop('SIGTERM')).toBe(0);
  });

  it('also before it listens', async () => {
    await writeFile(
      join(directory, 'preload.mjs'),
      "setImmediate(function later() { process.listenerCount('uncaughtException') ? Promise.reject(new Error('on purpose')) : setImmediate(later) })",
    );
    const server = new ServerProcess(directory, { NODE_OPTIONS: `--import=${join(directory, 'preload.mjs')}` });
    expect(await server.exited()).toBe(1);
    expect(server.errors).toMatch(/^SlurmQL is stopping: Error: on purpose\n/);
  });
});

describe('a signal ends the server and all that it has begun,', () => {
  it.each([
    ['whatever a client follows and git does', ''],
    ['while a disk hangs', HANG],
  ])('the first one in order and with code 0, %s', async (_name, code) => {
    const { server, followed, git } = await busyServer(code);
    expect(await server.stop('SIGTERM')).toBe(0);
    expect(await followed).toMatch(/whole|ECONNRESET/);
    await until(
      async () => isAlive(git),
      (isThere) => !isThere,
      20_000,
    );
  });

  it.each([
    ['clients that stay', never(DRAIN_MS, STOP_MS)],
    ['a disk that hangs, too', `${never(DRAIN_MS, STOP_MS)} ${HANG}`],
  ])('the second one at once, which waits for none of %s', async (_name, code) => {
    const { server, git } = await busyServer(code);
    process.kill(server.pid, 'SIGTERM');
    // One that follows at once is the same one, passed on by npm.
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(isAlive(server.pid)).toBe(true);
    expect(await server.stop('SIGINT')).toBe(1);
    await until(
      async () => isAlive(git),
      (isThere) => !isThere,
      20_000,
    );
  });

  it('at its deadline where it never comes to an end in order', async () => {
    const { server, git } = await busyServer(`${never(DRAIN_MS)} ${HANG}`);
    expect(await server.stop('SIGTERM')).toBe(1);
    await until(
      async () => isAlive(git),
      (isThere) => !isThere,
      20_000,
    );
  });
});
