import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findProcess } from './processes.ts';
import { asRoot, CommandError, run } from './run.ts';
import { readState } from './state.ts';
import { leftovers, newDirectory, ssh, tracesOf } from './test-support.ts';

const CLI = fileURLToPath(new URL('cli.ts', import.meta.url));

async function cli(...args: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  try {
    return { exitCode: 0, output: await run(process.execPath, [CLI, ...args], { timeoutMs: 60_000 }) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { exitCode: error.exitCode, output: error.stdout + error.stderr };
  }
}

async function clustersIn(directory: string) {
  const [alpha, beta] = (await readState(directory))?.clusters ?? [];
  if (alpha === undefined || beta === undefined) throw new Error('no clusters');
  return { alpha, beta };
}

test('up returns with clusters that go on, status tells them, down removes them and may be repeated', async () => {
  const directory = newDirectory();
  const place = ['--directory', directory];
  expect(await cli('status', ...place)).toEqual({ exitCode: 3, output: `Slurm isn't up in ${directory}.\n` });

  const up = await cli('up', ...place);
  expect(up.output).toMatch(/ s {2}MariaDB is up\n/);
  expect(up.exitCode).toBe(0);
  const { alpha } = await clustersIn(directory);
  const traces = await tracesOf(directory, alpha.user);
  expect(await ssh(alpha, 'sinfo -h -o %P | sort')).toBe('cpu\ngpu*\n');
  expect((await cli('up', ...place)).output).toContain('already running');

  const status = await cli('status', ...place);
  expect(status.exitCode).toBe(0);
  expect(status.output).toContain(`-p ${alpha.port} ${alpha.user}@127.0.0.1`);
  expect(status.output).toMatch(/gpu03 +gpu\* +idle +gpu:h100:2/);

  expect((await cli('down', ...place)).exitCode).toBe(0);
  expect(leftovers(traces)).toEqual([]);
  expect(await cli('down', ...place)).toEqual({ exitCode: 0, output: `No Slurm in ${directory}.\n` });
  expect((await cli('status', ...place)).exitCode).toBe(3);
});

test('up in the foreground stops at Ctrl-C with exit code 0 and leaves nothing', async () => {
  const directory = newDirectory();
  const child = spawn(process.execPath, [CLI, 'up', '--foreground', '--directory', directory]);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('Ctrl-C')) break;
  }
  const { beta } = await clustersIn(directory);
  const traces = await tracesOf(directory, beta.user);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(leftovers(traces)).toEqual([]);
});

describe('what others may have written', () => {
  /** A directory with the state of an instance that "down" would end: its keeper is a process of this test. */
  async function withState(directory: string): Promise<Disposable & { readonly isAlive: () => boolean }> {
    const keeper = spawn('sleep', ['300'], { stdio: 'ignore' });
    await once(keeper, 'spawn');
    const { pid = 0 } = keeper;
    await mkdir(directory);
    const state = { keeper: { pid, startTime: findProcess(pid)?.startTime }, clusters: [] };
    await writeFile(join(directory, 'state.json'), JSON.stringify(state));
    return {
      isAlive: () => keeper.exitCode === null && keeper.signalCode === null,
      [Symbol.dispose]: () => void keeper.kill('SIGKILL'),
    };
  }

  async function root(command: string, args: readonly string[]): Promise<void> {
    const wanted = await asRoot(command, args);
    if (wanted === undefined) throw new Error('no root');
    await run(wanted.command, wanted.args);
  }

  test.each<[string, string, (directory: string) => Promise<void>]>([
    ['of another user', 'belongs to another user', (directory) => root('chown', ['65534:65534', directory])],
    ['that all users may write to', 'can be written by all users', (directory) => chmod(directory, 0o1777)],
    [
      'behind a link',
      'is no directory',
      async (directory) => {
        await rename(directory, `${directory}-there`);
        await symlink(`${directory}-there`, directory);
      },
    ],
  ])('is not believed, in a directory %s', async (_whose, why, change) => {
    const directory = newDirectory();
    using keeper = await withState(directory);
    await change(directory);
    for (const command of ['down', 'status', 'up']) {
      const { exitCode, output } = await cli(command, '--directory', directory);
      expect([exitCode, output]).toEqual([1, expect.stringContaining(`${directory} ${why}: it is left alone`)]);
    }
    expect(keeper.isAlive()).toBe(true);
    expect(await readdir(directory)).toEqual(['state.json']);
    await root('rm', ['-rf', directory, `${directory}-there`]);
  });
});

test('a wrong command shows the usage, a wrong option names itself', async () => {
  expect(await cli('begin')).toMatchObject({ exitCode: 2, output: expect.stringContaining('down ') });
  expect(await cli('up', '--fast')).toMatchObject({ exitCode: 1, output: expect.stringContaining('--fast') });
});
