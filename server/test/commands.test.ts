import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, ServerProcess } from './support/server.ts';

const BIN = fileURLToPath(new URL('../bin/slurmql.js', import.meta.url));
/** Makes this Node call itself an old one, as a machine's own may be. */
const AS_NODE_20 = `--import=data:text/javascript,${encodeURIComponent("Object.defineProperty(process.versions, 'node', { value: '20.20.2' })")}`;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-commands-'));
  await writeFile(join(directory, 'clusters.yaml'), 'clusters: { dead: { host: 127.0.0.1, port: 1 } }\n');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** `until`: once it has written this, it is asked to end. */
async function run(
  program: string,
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  until?: string,
) {
  const child = spawn(program, words, {
    cwd: directory,
    env: { PATH: process.env['PATH'], HOME: directory, PORT: '0', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (until !== undefined && stdout.includes(until)) child.kill();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code, signal] = await once(child, 'close');
  return { stdout, stderr, code: signal ?? code };
}

/** The same in a terminal, whose output is all in `stdout`. */
function inTerminal(line: string, variables: Readonly<Record<string, string>>, until?: string) {
  return run('script', ['-qefc', line, '/dev/null'], variables, until);
}

/** The cluster that is configured under nearly this name: none of them is there to be connected to. */
async function guessed(name: string): Promise<string | undefined> {
  const { stderr } = await run(process.execPath, [MAIN, 'doctor', name]);
  return /did you mean "(.*)"\?/.exec(stderr)?.[1];
}

describe('slurmql', () => {
  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await run(process.execPath, [MAIN, '--version'])).toEqual({ stdout: `${version}\n`, stderr: '', code: 0 });
  });

  it.each([
    ['TERM=xterm-256color', { TERM: 'xterm-256color' }, true],
    ['NO_COLOR', { TERM: 'xterm-256color', NO_COLOR: '1' }, false],
    ['TERM=dumb', { TERM: 'dumb' }, false],
  ])('writes its log and the examination of clusters in a terminal as %s wants', async (_, variables, isColoured) => {
    const log = (await inTerminal(`'${process.execPath}' '${MAIN}'`, variables, 'dead')).stdout;
    expect(log).toMatch(/dead/);
    expect(log.includes('\x1b')).toBe(isColoured);
    const examined = (await inTerminal(`'${process.execPath}' '${MAIN}' doctor`, variables)).stdout;
    expect(examined).toMatch(/dead: failed: Reach/);
    expect(examined.includes('\x1b')).toBe(isColoured);
  });

  it.each(['--help', '--version', 'doctor', 'doctor --json'])(
    'ends with code 1 and without a stack where the output of %s has no room on its disk',
    async (words) => {
      const line = `exec '${process.execPath}' '${MAIN}' ${words} >/dev/full`;
      expect(await run('sh', ['-c', line])).toEqual({ stdout: '', stderr: '', code: 1 });
    },
  );

  it('waits for whoever reads an examination, however long it is', async () => {
    const names = Array.from({ length: 300 }, (_, number) => `dead${number}`);
    const lines = names.map((name) => `  ${name}: { host: 127.0.0.1, port: 1 }\n`);
    await writeFile(join(directory, 'clusters.yaml'), `clusters:\n${lines.join('')}`);
    const child = spawn(process.execPath, [MAIN, 'doctor', '--json'], {
      cwd: directory,
      env: { PATH: process.env['PATH'], HOME: directory },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(child, 'exit');
    // It has written all that it can once it has begun to write, which it does at its end.
    await once(child.stdout, 'readable');
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 1000))]);
    let text = '';
    for await (const more of child.stdout.setEncoding('utf8')) text += more;
    expect(JSON.parse(text).clusters.map(({ name }: { name: string }) => name)).toEqual(names);
    expect((await exited)[0]).toBe(1);
  });

  it('runs with the Node that it brings along where another one starts it', async () => {
    const { stdout, code } = await run(process.execPath, [AS_NODE_20, BIN, '--version']);
    expect({ stdout, code }).toEqual({ stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), code: 0 });
    const refused = await run(process.execPath, [AS_NODE_20, BIN, 'docter']);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/^There is no command "docter"/) });
  });

  it('says in one line what it needs where there is no such Node', async () => {
    await cp(BIN, join(directory, 'server/bin/slurmql.js'));
    await mkdir(join(directory, 'server/dist'));
    await writeFile(join(directory, 'server/dist/main.js'), 'await using nothing = null;');
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
    const { stderr, code } = await run(process.execPath, [AS_NODE_20, join(directory, 'server/bin/slurmql.js')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^SlurmQL needs Node 24 or later, and this is v[\d.]+: "npm ci" brings one\.\n$/);
  });
});

describe('a start without any cluster', () => {
  it('says what to write and where, and reads it from there', async () => {
    await cp(new URL('../../clusters.yaml', import.meta.url), join(directory, 'clusters.yaml'));
    const first = new ServerProcess(directory, {});
    await first.firstLine();
    await first.stop('SIGTERM');
    const told =
      /No cluster is configured in (.*)\. Write "(.*)" with your own login node into (.*), which is then read instead$/m.exec(
        first.errors,
      );
    expect(told?.[1]).toBe(join(directory, 'clusters.yaml'));
    await writeFile(told?.[3] ?? '', told?.[2] ?? '');
    expect(await guessed('minee')).toBe('mine');
    const second = new ServerProcess(directory, {});
    await second.firstLine();
    await second.stop('SIGTERM');
    expect(second.errors).not.toContain('No cluster is configured');
  });

  it('takes the same lines behind those that clusters.yaml comes with', async () => {
    const shipped = await readFile(new URL('../../clusters.yaml', import.meta.url), 'utf8');
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const lines = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(lines).toContain('clusters:');
    await writeFile(join(directory, 'clusters.yaml'), shipped + lines);
    expect(await guessed('minee')).toBe('mine');
    // What stands there as comments is a configuration too.
    const all = shipped.replace(/^[\s\S]*?(?=^# clusters:)/m, '').replaceAll(/^# /gm, '');
    await writeFile(join(directory, 'clusters.yaml'), all);
    expect(await guessed('alfa')).toBe('alpha');
  });
});
