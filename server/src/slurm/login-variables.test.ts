import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_RESOURCES } from '../domain/testing.ts';
import { SlurmAdapter } from './adapter.ts';
import { script } from './shell.ts';
import { LocalLogin, runShell, SETTINGS } from './testing.ts';

let login: LocalLogin;
let slurm: SlurmAdapter;
let workDir: string;
/** The login's PATH before it was changed. */
let path: string;

beforeEach(async () => {
  login = await LocalLogin.create();
  slurm = new SlurmAdapter(login, SETTINGS);
  workDir = join(login.home, 'slurmql', 'jobs', '01K00000000000000000000042');
  path = (await login.run('echo "$PATH"')).stdout.trim();
  await mkdir(join(login.home, 'project', 'bin'), { recursive: true });
  await writeFile(join(login.home, 'project', 'train.py'), 'train');
  await writeFile(join(login.home, 'project', 'notes.log'), 'notes');
  // What a repository may hold, and a job may leave anywhere.
  const pwned = 'echo pwned >>"$HOME/pwned"; echo 4712';
  for (const name of ['sbatch', 'timeout', 'setsid', 'tar', 'gzip', 'ln', 'mkdir', 'squeue']) {
    await login.command(name, pwned, join(login.home, 'project'));
    await login.command(name, pwned, join(login.home, 'project', 'bin'));
    await login.command(name, pwned, login.home);
  }
  await slurm.submission.makeJobDirectory(workDir);
  await login.run(`tar -czf '${workDir}/source.tar.gz' -C project .`);
  await writeFile(join(workDir, 'job.sh'), '#!/bin/bash\n');
  await login.command('sbatch', 'env >"$HOME/environment"; echo 4711');
  await login.command('squeue', ':');
});
afterEach(() => login[Symbol.asyncDispose]());

async function submitted() {
  expect(await slurm.submission.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
  return slurm.submission.submit({
    ...{ slurmName: 'train', workDir, partition: null, resources: NO_RESOURCES, dependsOn: [] },
    ...{ isSingleton: false, extraOptions: [], components: [] },
  });
}
const accepted = { kind: 'accepted', slurmJobId: '4711', message: null };
const handedOn = async () => (await readFile(join(login.home, 'environment'), 'utf8')).split('\n');

describe('a PATH that leads to programs of the working directory', () => {
  it.each([
    ['"." before all else', (rest: string) => `.:${rest}`],
    ['an empty entry before all else', (rest: string) => `:${rest}`],
    ['an empty entry between others', (rest: string) => `/nowhere::${rest}`],
    ['a directory of the project', (rest: string) => `bin:${rest}`],
    ['a relative path', (rest: string) => `./bin:../source:${rest}`],
    ['a name with a tilde', (rest: string) => `~:${rest}`],
    ['"." at the end', (rest: string) => `${rest}:.`],
  ])('runs none of them, with %s, and comes to sbatch as it is', async (_what, changed) => {
    login.environment = { PATH: changed(path) };
    expect(await submitted()).toEqual(accepted);
    expect(await readdir(login.home)).not.toContain('pwned');
    expect(await handedOn()).toContain(`PATH=${changed(path)}`);
  });

  it.each(['.', '', 'bin', './project'])(
    'does not lead to an sbatch of the project where there is no other: %j',
    async (entry) => {
      login.environment = { PATH: `${entry}:${path.slice(path.indexOf(':') + 1)}` };
      expect(await submitted()).toMatchObject({ kind: 'unknown', isFault: true, message: /sbatch.*not found/ });
      expect(await readdir(login.home)).not.toContain('pwned');
    },
  );

  it('does not lead to one where there is neither setsid, too', async () => {
    await login.run(`rm "$(command -v setsid)"`);
    await login.command('timeout', 'echo "$*" >"$HOME/limit"; shift 3; exec "$@"');
    login.environment = { PATH: `.:${path}` };
    expect(await submitted()).toEqual(accepted);
    expect(await readdir(login.home)).not.toContain('pwned');
    expect(await readFile(join(login.home, 'limit'), 'utf8')).toContain('300');
  });

  it('finds no Slurm when the login is probed', async () => {
    login.environment = { PATH: `.:${path.slice(path.indexOf(':') + 1)}` };
    await expect(slurm.login.probe()).rejects.toThrow("sbatch isn't found on this login");
    expect(await readdir(login.home)).not.toContain('pwned');
  });
});

describe('variables that the login exports', () => {
  it.each([
    ['TAR_OPTIONS', '--exclude=*.log'],
    ['TAR_OPTIONS', '--strip-components=1'],
    ['TAR_OPTIONS', '--list'],
    ['TAPE', '/nowhere'],
    ['GZIP', '--test'],
    ['POSIXLY_CORRECT', '1'],
    ['QUOTING_STYLE', 'c'],
    ['BASH_ENV', '/nowhere'],
    ['ENV', '/nowhere'],
    ['LS_COLORS', 'di=01;34'],
    ['LC_ALL', 'C.UTF-8'],
  ])('%s=%s change nothing of what is unpacked, and come to sbatch as they are', async (name, value) => {
    login.environment = { [name]: value };
    expect(await submitted()).toEqual(accepted);
    expect(await readdir(join(workDir, 'source'))).toEqual(expect.arrayContaining(['notes.log', 'train.py']));
    expect(await handedOn()).toContain(`${name === 'BASH_ENV' ? 'slurmql_bash_env' : name}=${value}`);
  });

  it('CDPATH leads nobody elsewhere', async () => {
    await mkdir(join(login.home, 'submit'));
    await writeFile(join(login.home, 'submit', 'code'), 'mine');
    login.environment = { CDPATH: login.home };
    expect(await submitted()).toEqual(accepted);
    expect(await slurm.submission.answer(workDir, true)).toEqual(accepted);
    expect(await readdir(join(login.home, 'submit'))).toEqual(['code']);
    expect(await readFile(join(login.home, 'submit', 'code'), 'utf8')).toBe('mine');
    expect(await handedOn()).toContain(`CDPATH=${login.home}`);
  });

  it.each(['c', 'shell-always', 'escape', 'locale'])('QUOTING_STYLE=%s hides no record', async (style) => {
    await symlink('4711', join(workDir, 'run', 'job.claim'));
    await writeFile(join(workDir, 'run', 'job.0.command'), '');
    login.environment = { QUOTING_STYLE: style };
    expect(await slurm.records.hasBegun([{ workDir, arrayTaskId: null, attempt: 1 }])).toEqual([true]);
  });

  it.each(['noclobber', 'errexit', 'nounset', 'noglob', 'xtrace:verbose'])(
    'SHELLOPTS=%s, which bash reads also as sh, changes no script',
    async (options) => {
      const file = `'${workDir}/x'`;
      const command = `false; echo "$nothing" >${file}; echo again >${file}; cat '${workDir}'/x*`;
      const told = script(null, '', [{ name: 'one', command }]);
      const { stdout } = await runShell('/bin/bash', told.text, { environment: { SHELLOPTS: options } });
      expect(told.read(stdout, 'one')).toEqual({ exitCode: 0, output: 'again\n' });
    },
  );
});
