import { mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
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

/** What stands in the place of the C library, and says so: no program that takes it for its own starts. */
const NO_LIBRARY = 'this is a file of the repository';
const LEADING_TO_LIBRARIES: readonly (readonly [string, string])[] = [
  ['LD_LIBRARY_PATH', '/usr/local/cuda/lib64:'],
  ['LD_LIBRARY_PATH', ':/opt/lib'],
  ['LD_LIBRARY_PATH', '/opt/a::/opt/b'],
  ['LD_LIBRARY_PATH', '/opt/a;;/opt/b'],
  ['LD_LIBRARY_PATH', '.'],
  ['LD_LIBRARY_PATH', './bin:../source'],
  ['LD_LIBRARY_PATH', 'source:source/bin:submit'],
  ['LD_PRELOAD', './libc.so.6'],
  ['LD_PRELOAD', '/nowhere/x.so source/libc.so.6'],
  ['LD_AUDIT', 'bin/libc.so.6:./libc.so.6'],
];

describe('libraries of the working directory', () => {
  beforeEach(async () => {
    for (const directory of ['project', 'project/bin']) {
      await writeFile(join(login.home, directory, 'libc.so.6'), NO_LIBRARY);
    }
    await login.run(`tar -czf '${workDir}/source.tar.gz' -C project .`);
  });

  it.each(LEADING_TO_LIBRARIES)(
    'are loaded by nothing with %s=%s, which comes to sbatch as it is',
    async (name, value) => {
      const tar = (await login.run('command -v tar')).stdout.trim();
      await login.command('tar', `env >"$HOME/tar"; exec '${tar}' "$@"`);
      await login.command('sbatch', 'env >"$HOME/environment"; env true 2>"$HOME/said" || exit; echo 4711');
      login.environment = { [name]: value };
      // The loader says what it doesn't find, too.
      const answer = await submitted();
      expect(answer).toMatchObject({ kind: 'accepted', slurmJobId: '4711' });
      expect(JSON.stringify(answer)).not.toContain('invalid ELF header');
      expect(await handedOn()).toContain(`${name}=${value}`);
      expect(await readFile(join(login.home, 'said'), 'utf8')).not.toContain('invalid ELF header');
      const entries = (await readFile(join(login.home, 'tar'), 'utf8')).match(new RegExp(`(?<=^${name}=).*`, 'm'))?.[0];
      expect((entries ?? '').split(':').filter((entry) => entry !== '' && !entry.startsWith('/'))).toEqual([]);
    },
  );

  it('are no others than those that the login names by a path or a plain name', async () => {
    await login.command('squeue', 'env >"$HOME/environment"');
    login.environment = { LD_LIBRARY_PATH: '/opt/a:./b:/opt/b', LD_PRELOAD: '/nowhere/x.so libnowhere.so' };
    await login.run(script(null, '', [{ name: 'one', command: 'squeue' }]).text);
    expect(await handedOn()).toEqual(
      expect.arrayContaining(['LD_LIBRARY_PATH=/opt/a:/opt/b', 'LD_PRELOAD=/nowhere/x.so libnowhere.so']),
    );
  });

  it('set nothing that the login has not set', async () => {
    expect(await submitted()).toEqual(accepted);
    expect((await handedOn()).filter((line) => line.startsWith('LD_'))).toEqual([]);
  });
});

describe('a script around sbatch', () => {
  /** Each in the words of what a site might use, and what of the repository it would have run. */
  const scripts: readonly (readonly [string, string, string, Readonly<Record<string, string>>])[] = [
    [
      'looks for a program by a PATH that ends with "."',
      '/bin/sh',
      'if command -v quota; then quota; fi >&2',
      { PATH: '.' },
    ],
    ['takes its settings from the working directory', '/bin/sh', '[ ! -e site.conf ] || . ./site.conf', {}],
    ['is one of bash, and BASH_ENV a file there', '/bin/bash', ':', { BASH_ENV: './site.conf' }],
    ['starts bash, which BASH_ENV names a file there for', '/bin/sh', `bash -c ':'`, { BASH_ENV: 'site.conf' }],
    [
      'is one of an interpreter that looks for modules there',
      process.execPath,
      '',
      { NODE_OPTIONS: '--require=./site.cjs' },
    ],
    ['runs whatever is there', '/bin/sh', 'for file in ./*.conf; do [ ! -e "$file" ] || . "$file"; done', {}],
    [
      'looks in what is above',
      '/bin/sh',
      'for up in .. ../.. ../../..; do [ ! -e $up/site.conf ] || . $up/site.conf; done',
      {},
    ],
  ];

  it.each(scripts)('runs nothing of the repository where it %s', async (_what, shell, lines, environment) => {
    const project = join(login.home, 'project');
    await writeFile(join(project, 'site.conf'), 'echo pwned >>"$HOME/pwned"\n');
    await writeFile(join(project, 'site.cjs'), 'require("node:fs").writeFileSync(process.env.HOME + "/pwned", "")\n');
    await login.command('quota', 'echo pwned >>"$HOME/pwned"', project);
    await login.run(`tar -czf '${workDir}/source.tar.gz' -C project .`);
    const isNode = shell === process.execPath;
    const text = isNode ? 'console.log(4711)' : `${lines}\necho "$PWD" >"$HOME/where"; echo 4711`;
    await writeFile(join(login.bin, 'sbatch'), `#!${shell}\n${text}\n`, { mode: 0o755 });
    login.environment = { ...environment, PATH: [path, environment['PATH'] ?? []].flat().join(':') };
    const answer = await submitted();
    expect(await readdir(login.home)).not.toContain('pwned');
    // An interpreter that is to load what isn't there says so, and doesn't start.
    if (isNode) expect(answer).toMatchObject({ message: expect.stringContaining('site.cjs') });
    else expect(answer).toEqual(accepted);
  });

  it('is given what the login exports, also under names that a script would use', async () => {
    const names = [
      'mask',
      'setsid',
      'limit',
      'name',
      'owner',
      'words',
      'whose',
      'pause',
      'pauses',
      'left',
      'run',
      'code',
    ];
    login.environment = { PATH: path, ...Object.fromEntries(names.map((name) => [name, `the login's ${name}`])) };
    await login.command('sbatch', `env >"$HOME/seen"; echo 4711`);
    expect(await submitted()).toEqual(accepted);
    const seen = (await readFile(join(login.home, 'seen'), 'utf8')).split('\n');
    expect(names.filter((name) => !seen.includes(`${name}=the login's ${name}`))).toEqual([]);
  });

  it('is run in an empty directory, with the variables of one who has gone to the project', async () => {
    await login.command('sbatch', 'ls -A >"$HOME/seen"; pwd -P >>"$HOME/seen"; echo 4711');
    expect(await submitted()).toEqual(accepted);
    expect(await readFile(join(login.home, 'seen'), 'utf8')).toBe(
      `${await realpath(join(workDir, 'submit', 'empty'))}\n`,
    );
    await login.command('sbatch', '');
    await writeFile(
      join(login.bin, 'sbatch'),
      `#!${process.execPath}\nconst { PWD, OLDPWD } = process.env;
require('node:fs').writeFileSync(process.env.HOME + '/seen', JSON.stringify({ PWD, OLDPWD })); console.log(4711)\n`,
    );
    await slurm.submission.reset(workDir, true);
    expect(await submitted()).toEqual(accepted);
    const seen = JSON.parse(await readFile(join(login.home, 'seen'), 'utf8'));
    expect(seen).toEqual({ PWD: join(workDir, 'source'), OLDPWD: login.home });
  });

  it('is not run where no such directory can be made, and is once one can', async () => {
    expect(await slurm.submission.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
    const mkdirs = (await login.run('command -v mkdir')).stdout.trim();
    await login.command(
      'mkdir',
      `case $* in */empty) echo "mkdir: No space left on device" >&2; exit 1 ;; esac\nexec '${mkdirs}' "$@"`,
    );
    const answer = await submitted();
    expect(answer).toMatchObject({ kind: 'not-asked', message: expect.stringContaining('No space left on device') });
    expect(await readdir(login.home)).not.toContain('environment');
    await rm(join(login.bin, 'mkdir'));
    expect(await slurm.submission.find(workDir, '01K00000000000000000000042')).toMatchObject({ sbatch: 'over' });
    await slurm.submission.reset(workDir, false);
    expect(await submitted()).toEqual(accepted);
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
