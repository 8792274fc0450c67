import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = await Workbench.open();
});

afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
});

it('the command of the README answers in a shell as it stands', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const script = /```sh\n([^`]*\bcurl\b[^`]*)```/.exec(readme)?.[1] ?? '';
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-readme-'));
  await mkdir(join(directory, 'data'));
  await writeFile(join(directory, 'data', 'token'), `${bench.server.token}\n`);
  const here = script.replace('http://127.0.0.1:4000', bench.server.address);
  expect(here).not.toBe(script);
  const { stdout } = await promisify(execFile)('sh', ['-c', here], { cwd: directory });
  expect(JSON.parse(stdout)).toMatchObject({ data: { jobs: { nodes: expect.any(Array) } } });
  await rm(directory, { recursive: true });
});

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

describe.each([
  ['submit-and-follow.mjs', process.execPath],
  ['submit_and_follow.py', 'python3'],
])('examples/%s', (name, program) => {
  /** Runs it; what it has written grows in the result. */
  function start(...words: readonly string[]) {
    const child = spawn(program, [example(name), ...words], {
      env: { PATH: process.env['PATH'], SLURMQL_URL: bench.server.address, SLURMQL_TOKEN: bench.server.token },
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.stderr += text;
    });
    return { said, ended: once(child, 'close').then(([code]) => code) };
  }

  it("shows states, output and errors, and ends with the job's exit code", async () => {
    const { said, ended } = start('hello', 'alpha', 'echo out; echo err >&2; sleep 1; exit 7');
    expect(await ended).toBe(7);
    expect(said.stdout).toBe('out\n');
    expect(said.stderr).toMatch(/\[PENDING\][\s\S]*\[FAILED\]/);
    expect(said.stderr.split('\n').filter((line) => !line.startsWith('['))).toEqual(['err', '']);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'goes on exactly where it was after the server ended by %s',
    async (signal) => {
      const { said, ended } = start(
        'hello',
        'alpha',
        'for i in $(seq 14); do echo "line $i ü"; echo "error $i" >&2; sleep 1; done',
      );
      await until(
        async () => said.stdout,
        (text) => text.includes('line 3 '),
      );
      await bench.restart(signal);
      expect(await ended).toBe(0);
      const lines = (word: string, rest: string) =>
        Array.from({ length: 14 }, (_, index) => `${word} ${index + 1}${rest}\n`).join('');
      expect(said.stdout).toBe(lines('line', ' ü'));
      const errors = said.stderr.split('\n').filter((line) => !line.startsWith('['));
      expect(errors.join('\n')).toBe(lines('error', ''));
      expect(said.stderr).toContain('[COMPLETED]');
    },
  );

  it('says why a job was refused', async () => {
    const { said, ended } = start('hello', 'nowhere', 'true');
    expect(await ended).toBe(1);
    expect(said.stderr).toMatch(/There is no cluster "nowhere"/);
  });
});
