import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, until } from './support/server.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let directory: string;
const started: ChildProcess[] = [];

/** The repository's own scripts in a directory of their own, with a build that is done, or takes for ever. */
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-npm-'));
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
  await writeFile(join(directory, 'package.json'), JSON.stringify({ name: 'slurmql', private: true, scripts }));
  await cp(join(ROOT, 'server/bin'), join(directory, 'server/bin'), { recursive: true });
  await symlink(dirname(MAIN), join(directory, 'server/dist'));
  await mkdir(join(directory, 'node_modules/.bin'), { recursive: true });
  await symlink(process.execPath, join(directory, 'node_modules/.bin/node'));
  await build('exit 0');
  await writeFile(join(directory, 'clusters.yaml'), 'clusters: {}\n');
});

afterEach(async () => {
  for (const { pid } of started.splice(0)) {
    try {
      process.kill(-(pid ?? 0), 'SIGKILL');
    } catch {
      // Nothing of it is left, as it should be.
    }
  }
  await rm(directory, { recursive: true, force: true });
});

async function build(script: string): Promise<void> {
  const turbo = join(directory, 'node_modules/.bin/turbo');
  await writeFile(turbo, `#!/bin/sh\n${script}\n`);
  await chmod(turbo, 0o755);
}

/** npm as a person runs it, in a process group of its own. */
function npm(script: string): { child: ChildProcess; lines: AsyncIterator<string>; said: () => string } {
  const child = spawn('npm', ['run', script], {
    cwd: directory,
    detached: true,
    env: { PATH: process.env['PATH'], HOME: directory, PORT: '0', npm_config_update_notifier: 'false' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator](), said: () => text };
}

async function line(lines: AsyncIterator<string>, pattern: RegExp): Promise<string> {
  for (;;) {
    const { done, value } = await lines.next();
    if (done === true) throw new Error(`npm ended without ${pattern}`);
    const found = pattern.exec(value)?.[1];
    if (found !== undefined) return found;
  }
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

describe('npm start', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends with its server when its process gets %s', async (signal) => {
    const { child, lines, said } = npm('start');
    const ended = once(child, 'exit');
    const port = Number(await line(lines, /listening on http:\/\/127\.0\.0\.1:(\d+)/));
    expect(await isListening(port)).toBe(true);
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
    await until(
      async () => isListening(port),
      (isOpen) => !isOpen,
      20_000,
    );
    expect(said()).not.toMatch(/did not stop|ELIFECYCLE/);
  });

  it('stops cleanly at Ctrl-C, which goes to all processes and is passed on by npm as well', async () => {
    const { child, lines } = npm('start');
    const ended = once(child, 'exit');
    const port = Number(await line(lines, /listening on http:\/\/127\.0\.0\.1:(\d+)/));
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(await isListening(port)).toBe(false);
  });

  it('ends with a build that is under way, and starts nothing after one that fails', async () => {
    await build('echo "building $$"\nexec sleep 600');
    const { child, lines } = npm('start');
    const ended = once(child, 'exit');
    const pid = Number(await line(lines, /building (\d+)/));
    child.kill('SIGTERM');
    await ended;
    await until(
      async () => isAlive(pid),
      (isThere) => !isThere,
      20_000,
    );

    await build('exit 7');
    const failing = npm('start');
    expect(await once(failing.child, 'exit')).toEqual([7, null]);
  });

  it('asks its build tool to tell nobody of it', async () => {
    await build('echo "telemetry $TURBO_TELEMETRY_DISABLED"');
    const { child, lines } = npm('start');
    expect(await line(lines, /telemetry (.*)/)).toBe('1');
    const ended = once(child, 'exit');
    await line(lines, /listening on (.*)/);
    child.kill('SIGTERM');
    await ended;
  });
});

it('npm run demo passes a signal on to the demo', async () => {
  await mkdir(join(directory, 'local-slurm/src'), { recursive: true });
  const script =
    "process.on('SIGTERM', () => process.exit(5)); setInterval(() => 0, 1000); console.log('demo', process.pid)";
  await writeFile(join(directory, 'local-slurm/src/demo.ts'), script);
  const { child, lines } = npm('demo');
  const ended = once(child, 'exit');
  const pid = Number(await line(lines, /demo (\d+)/));
  child.kill('SIGTERM');
  expect(await ended).toEqual([5, null]);
  expect(isAlive(pid)).toBe(false);
});
