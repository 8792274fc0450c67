import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CommandError, run } from './run.ts';
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

test('a wrong command shows the usage, a wrong option names itself', async () => {
  expect(await cli('begin')).toMatchObject({ exitCode: 2, output: expect.stringContaining('down ') });
  expect(await cli('up', '--fast')).toMatchObject({ exitCode: 1, output: expect.stringContaining('--fast') });
});
