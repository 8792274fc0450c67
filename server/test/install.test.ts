import { execFile } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly os?: string | readonly string[];
  readonly cpu?: string | readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly gypfile?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

let directory: string;
let locked: Readonly<Record<string, Locked>>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-install-'));
  locked = (JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: typeof locked })
    .packages;
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Where a command of this machine is, whatever npm has put before it. */
async function find(command: string): Promise<string> {
  for (const entry of (process.env['PATH'] ?? '').split(delimiter)) {
    if (entry.includes('node_modules')) continue;
    const path = join(entry, command);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return realpath(path);
  }
  throw new Error(`This machine has no ${command}`);
}

it('no package asks for a compiler: npm runs node-gyp for one that could be built, unless package-lock.json says no', async () => {
  const buildable = [];
  for (const path of Object.keys(locked)) {
    const files = path === '' ? [] : await readdir(join(ROOT, path)).catch(() => []);
    if (files.includes('binding.gyp')) buildable.push(path);
  }
  expect(buildable).toContain('node_modules/better-sqlite3');
  const wouldBuild = buildable.filter((path) => locked[path]?.optional !== true && locked[path]?.gypfile !== false);
  expect(wouldBuild, 'write "gypfile": false into its entry, where "npm install" has taken it out').toEqual([]);
});

it('every package has its digest in package-lock.json, Node for each platform as well, and none runs a program', async () => {
  const packages = Object.entries(locked).filter(([path, { link }]) => path.includes('node_modules/') && link !== true);
  expect(packages.length).toBeGreaterThan(100);
  expect(packages.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true)).toEqual([]);
  const nodes = packages.filter(([, { bin }]) => bin?.['node'] !== undefined).map(([, node]) => node);
  expect(nodes.map(({ os, cpu }) => `${os} ${cpu}`).sort()).toEqual([
    'darwin arm64',
    'darwin x64',
    'linux arm64',
    'linux x64',
  ]);
  for (const { version } of nodes) expect(version).toMatch(/^24\./);
  expect(await readFile(join(ROOT, '.npmrc'), 'utf8')).toMatch(/^ignore-scripts=true$/m);
});

it('npm ci installs Node and what is native on a machine with any Node and npm only, and nothing by the way', async () => {
  const own = Object.keys(locked).find((path) => {
    const { bin, os, cpu } = locked[path] ?? { version: '' };
    return bin?.['node'] !== undefined && String(os) === process.platform && String(cpu) === process.arch;
  });
  const wanted = ['better-sqlite3', 'ssh2', own?.slice('node_modules/'.length) ?? ''];
  const packages: Record<string, object> = {};
  const add = (name: string): void => {
    const path = `node_modules/${name}`;
    const entry = locked[path];
    if (entry === undefined || packages[path] !== undefined) return;
    packages[path] = entry;
    for (const other of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) add(other);
  };
  for (const name of wanted) add(name);
  const dependencies = Object.fromEntries(wanted.map((name) => [name, locked[`node_modules/${name}`]?.version ?? '']));
  const manifest = { name: 'native', version: '1.0.0', private: true, dependencies };
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest));
  const lock = { ...manifest, lockfileVersion: 3, requires: true, packages: { '': manifest, ...packages } };
  await writeFile(join(directory, 'package-lock.json'), JSON.stringify(lock));

  await cp(join(ROOT, '.npmrc'), join(directory, '.npmrc'));

  // No Python, no make, no compiler: only what is named here can be found.
  const bin = join(directory, 'bin');
  await mkdir(bin);
  for (const command of ['sh', 'env']) await symlink(await find(command), join(bin, command));
  await symlink(await find('node'), join(bin, 'node'));
  const npm = await find('npm');
  const environment = { PATH: bin, HOME: process.env['HOME'], npm_config_update_notifier: 'false' };
  await run(join(bin, 'node'), [npm, 'ci', '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: directory,
    env: environment,
  });
  const installed = join(directory, 'node_modules/.bin/node');
  expect((await run(installed, ['--version'])).stdout).toMatch(/^v24\./);
  expect(await readdir(join(directory, 'node_modules/ssh2/lib/protocol/crypto'))).not.toContain('build');
  const script = `
    const Database = require('better-sqlite3');
    require('ssh2');
    console.log(new Database(':memory:').prepare('select 6 * 7').pluck().get());`;
  const { stdout } = await run(installed, ['--eval', script], { cwd: directory, env: environment });
  expect(stdout).toBe('42\n');
});
