import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIN, until } from './support/server.ts';

const run = promisify(execFile);
const TOKEN = 'a-token-for-tests-only';

let directory: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-stderr-'));
  await writeFile(join(directory, 'clusters.yaml'), 'clusters: { dead: { host: 127.0.0.1, port: 1 } }\n');
});

afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await rm(directory, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** The server, begun by a line of bash in which it is `$SERVER`. */
class Server {
  readonly exited: Promise<unknown>;
  readonly #address: string;

  private constructor(process: ChildProcess, port: number) {
    this.exited = once(process, 'exit').then(([code, signal]) => code ?? signal);
    this.#address = `http://127.0.0.1:${port}/graphql`;
  }

  static async begin(line: string, variables: Readonly<Record<string, string>> = {}): Promise<Server> {
    const port = await freePort();
    child = spawn('bash', ['-c', line], {
      cwd: directory,
      env: {
        ...{ PATH: process.env['PATH'], HOME: directory, PORT: `${port}`, SLURMQL_TOKEN: TOKEN },
        ...{ SERVER: `${process.execPath} ${MAIN}`, ...variables },
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return new Server(child, port);
  }

  /** Of its cluster, which nobody can reach; empty while the server does not answer. */
  async status(): Promise<string> {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ query: '{ clusters { status } }' });
    try {
      const answer = await (await fetch(this.#address, { method: 'POST', headers, body })).json();
      return (answer as { data: { clusters: [{ status: string }] } }).data.clusters[0].status;
    } catch {
      return '';
    }
  }
}

/** A pipe that is full, and that nobody reads. */
const FULL_PIPE = 'mkfifo pipe; exec 3<>pipe; dd if=/dev/zero of=pipe bs=4096 oflag=nonblock 2>/dev/null; exec $SERVER';

it.each([
  ['is on a full disk', 'exec $SERVER >/dev/full 2>/dev/full', 'json'],
  ['is on a full disk, in the form for people', 'exec $SERVER >/dev/full 2>/dev/full', 'pretty'],
  ['is a pipe whose reader has gone', 'exec $SERVER >/dev/null 2> >(exit)', 'json'],
  ['is a pipe whose reader stalls', `${FULL_PIPE} >/dev/null 2>pipe`, 'json'],
  ['is a pipe whose reader stalls, in the form for people', `${FULL_PIPE} >/dev/null 2>pipe`, 'pretty'],
])('a server whose standard error %s does its work, and stops in order', async (_name, line, format) => {
  const server = await Server.begin(line, { LOG_FORMAT: format });
  await until(
    () => server.status(),
    (status) => status === 'UNREACHABLE',
  );
  child?.kill('SIGTERM');
  expect(await server.exited).toBe(0);
});

it('a server writes what its disk had no room for once it has room', async () => {
  const disk = join(directory, 'disk');
  await mkdir(disk);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'slurmql', disk]);
  try {
    const warnings = "for (const number of [1, 2]) process.emitWarning('warning ' + number);";
    await writeFile(join(directory, 'preload.mjs'), `process.on('SIGUSR2', () => { ${warnings} });`);
    const server = await Server.begin('exec $SERVER >/dev/null 2>>disk/log', {
      NODE_OPTIONS: `--import=${join(directory, 'preload.mjs')}`,
    });
    await until(
      () => server.status(),
      (status) => status === 'UNREACHABLE',
    );
    await run('sh', ['-c', 'cat /dev/zero >"$1/filler" 2>/dev/null || true', 'sh', disk]);
    // What is left of the log's last block is used up first.
    await run('sh', ['-c', 'cat /dev/zero >>"$1/log" 2>/dev/null || true', 'sh', disk]);
    const text = async () => (await readFile(join(disk, 'log'), 'utf8')).replaceAll('\0', '');
    child?.kill('SIGUSR2');
    expect(await server.status()).toBe('UNREACHABLE');
    expect(await text()).not.toContain('warning 1');
    await rm(join(disk, 'filler'));
    const written = await until(text, (log) => log.includes('warning 2'));
    expect(written.indexOf('warning 1')).toBeLessThan(written.indexOf('warning 2'));
    expect(written).not.toContain('lost');
    child?.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    for (const entry of (await text()).trimEnd().split('\n')) if (entry.startsWith('{')) JSON.parse(entry);
  } finally {
    child?.kill('SIGKILL');
    await run('umount', ['--lazy', disk]);
  }
});
