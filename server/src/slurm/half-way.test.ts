import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlurmAdapter } from './adapter.ts';
import { script } from './shell.ts';
import { LocalLogin, SETTINGS } from './testing.ts';
import { absoluteWorkspace, workspaceSection } from './workspace.ts';

// A command may die half-way: the kernel ends it for want of memory, or its disk fails. What it had printed until then is
// no answer, although the script goes on behind it.

const IDS = ['01K00000000000000000000042', '01K00000000000000000000043'] as const;
let login: LocalLogin;
let slurm: SlurmAdapter;
/** The job that a command dies for, and another one. */
let workDir: string;
let other: string;

beforeEach(async () => {
  login = await LocalLogin.create();
  slurm = new SlurmAdapter(login, SETTINGS);
  [workDir = '', other = ''] = IDS.map((id) => join(login.home, 'slurmql', 'jobs', id));
  for (const directory of [workDir, other]) await mkdir(join(directory, 'run'), { recursive: true });
});
afterEach(() => login[Symbol.asyncDispose]());

/** How a command dies, once, behind what it has printed. */
const DEATHS = {
  killed: 'kill -9 $$',
  terminated: 'kill $$',
  'out of its disk': `echo "$name: '$HOME/slurmql/jobs/${IDS[0]}/run/.': Input/output error" >&2; exit 1`,
} as const;

/** Lets a command die behind its first lines, the first time that it has a word like this. */
async function dies(name: string, lines: number, how: string, word = ''): Promise<void> {
  await login.command(
    name,
    `PATH=\${PATH#*:} name=${name}
case " $* " in *"${word}"*) [ -e "$HOME/died" ] || { : >"$HOME/died"; ${name} "$@" | head -n ${lines}; ${how}; } ;; esac
exec ${name} "$@"`,
  );
}
const hasDied = () => readFile(join(login.home, 'died'));

const UNREADABLE = { unreadable: expect.stringMatching(/./) };
const deaths = Object.entries(DEATHS);

describe('which commands have begun', () => {
  beforeEach(async () => {
    for (const task of [0, 1, 2]) {
      for (const directory of [workDir, other]) {
        await writeFile(join(directory, 'run', `${task}.0.command`), '');
        await writeFile(join(directory, 'run', `${task}.0.end`), '');
      }
    }
  });
  const begun = () =>
    slurm.records.hasBegun(
      [workDir, other].flatMap((at) => [0, 1, 2].map((arrayTaskId) => ({ workDir: at, arrayTaskId, attempt: 1 }))),
    );

  it.each([
    ...[0, 1, 2].flatMap((lines) => deaths.map(([how, death]) => ['find', lines, how, death, IDS[0]] as const)),
    ['sed', 2, 'killed', DEATHS.killed, 'command$'] as const,
    ['sed', 0, 'killed', DEATHS.killed, '-e q'] as const,
    ['head', 2, 'killed', DEATHS.killed, '-n 200001'] as const,
  ])(
    "is not known of a job for which %s, after %d lines, is %s, and is of others'",
    async (name, lines, _how, death, word) => {
      await dies(name, lines, death, word);
      expect(await begun()).toEqual([UNREADABLE, UNREADABLE, UNREADABLE, true, true, true]);
      await hasDied();
      expect(await begun()).toEqual(Array.from({ length: 6 }, () => true));
    },
  );
});

describe('the last record of a job', () => {
  beforeEach(async () => {
    for (const directory of [workDir, other]) {
      for (const attempt of [0, 1]) {
        await writeFile(join(directory, 'run', `job.${attempt}.start`), 'job=12 at=1795494200\n');
        await writeFile(join(directory, 'run', `job.${attempt}.end`), 'job=12 code=3 at=1795494207\n');
      }
    }
  });
  const ends = () => slurm.records.endMarkers([workDir, other].map((at) => ({ workDir: at, arrayTaskId: null })));
  const END = expect.objectContaining({ attempt: 2, exitCode: 3 });

  it.each([
    ...[0, 1, 2].flatMap((lines) => deaths.map(([how, death]) => ['find', lines, how, death, IDS[0]] as const)),
    ...[0, 1].flatMap((lines) => deaths.map(([how, death]) => ['find', lines, how, death, '-size'] as const)),
    ['sed', 0, 'killed', DEATHS.killed, '-e q'] as const,
  ])('is not known while %s, after %d lines, is %s, and that of others is', async (name, lines, _how, death, word) => {
    await dies(name, lines, death, word);
    expect(await ends()).toEqual([UNREADABLE, END]);
    await hasDied();
    expect(await ends()).toEqual([END, END]);
  });

  it('is not known while its disk does not give what it says, nor where the shell that reads it is killed', async () => {
    await writeFile(join(workDir, 'run/job.1.end'), '\n'.slice(1));
    expect(await ends()).toEqual(['begun', END]);
    await dies('cat', 0, 'exit 1');
    expect(await ends()).toEqual([UNREADABLE, END]);
    await hasDied();
    await login.command('cat', 'kill -9 $PPID');
    expect(await ends()).toEqual([UNREADABLE, END]);
  });

  it('is known though the job removes others meanwhile', async () => {
    const gone = `find: '${workDir}/run/./job.0.part': No such file or directory`;
    await login.command('find', `PATH=\${PATH#*:}\nfind "$@"\necho "${gone}" >&2\nexit 1`);
    expect(await ends()).toEqual([END, END]);
  });
});

describe('the claim of a directory', () => {
  beforeEach(async () => {
    for (const directory of [workDir, other]) await symlink('12', join(directory, 'run/job.claim'));
  });
  const claimers = () => slurm.records.claimers([workDir, other].map((at) => ({ workDir: at, arrayTaskId: null })));

  it.each([
    ['readlink', DEATHS.killed],
    ['readlink', DEATHS.terminated],
  ])('is not known where %s dies: %s', async (name, death) => {
    await dies(name, 0, death);
    expect(await claimers()).toEqual([UNREADABLE, '12']);
    expect(await claimers()).toEqual(['12', '12']);
  });

  it('is not known where ls is killed', async () => {
    await dies('ls', 0, DEATHS.killed);
    await login.command('readlink', 'exit 1');
    expect(await claimers()).toEqual([UNREADABLE, UNREADABLE]);
    await hasDied();
  });
});

describe('whether Slurm has a job whose number is unknown', () => {
  const find = async () => (await slurm.submission.find(workDir, IDS[0])).slurmJobId;
  beforeEach(async () => {
    for (const task of [1, 2, 3]) await symlink('12', join(workDir, 'run', `${task}.claim`));
    await login.command('squeue', 'exit 0');
  });

  it.each([
    ...deaths.map(([how, death]) => ['find', how, death, '*.claim'] as const),
    ['readlink', 'killed', DEATHS.killed, 'claim'] as const,
  ])('is not denied where %s is %s', async (name, _how, death, word) => {
    await dies(name, 0, death, word);
    await expect(find()).rejects.toThrow(/./);
    await hasDied();
    expect(await find()).toBe('12');
  });

  it('is known by one of the claims that were listed', async () => {
    await dies('find', 2, DEATHS.killed, '*.claim');
    expect(await find()).toBe('12');
  });
});

describe('how often sbatch was lost', () => {
  it('is counted without a list of names', async () => {
    for (let lost = 1; lost <= 12; lost += 1) {
      await mkdir(join(workDir, 'submit'));
      expect(await slurm.submission.reset(workDir, true)).toBe(lost);
    }
  });
});

describe('who may write to the way to a workspace', () => {
  // What only the end of the way shows.
  const unsafe = () => chmod(join(login.home, 'slurmql'), 0o777);

  it.each([
    ...[1, 2].flatMap((lines) => deaths.map(([how, death]) => ['stat', lines, how, death, '/slurmql'] as const)),
    ['readlink', 0, 'killed', DEATHS.killed, '/link'] as const,
  ])('is not told where %s, after %d lines, is %s', async (name, lines, _how, death, word) => {
    await symlink(join(login.home, 'slurmql'), join(login.home, 'link'));
    const workspace = join(login.home, 'link');
    expect(await slurm.submission.workspaceFault(workspace)).toBeNull();
    await unsafe();
    await dies(name, lines, death, word);
    expect(await slurm.submission.workspaceFault(workspace)).toMatch(/doesn't tell who may write/);
    await hasDied();
    expect(await slurm.submission.workspaceFault(workspace)).toMatch(/can be written by everybody/);
  });

  it('is not told where the way to a directory that has just been made leads to nothing', async () => {
    await symlink(join(login.home, 'slurmql'), join(login.home, 'link'));
    const made = () => slurm.submission.makeJobDirectory(join(login.home, 'link/jobs', IDS[0]));
    await expect(made()).resolves.toMatchObject({ isSubmitted: false });
    await login.command('readlink', 'echo /nowhere');
    await expect(made()).rejects.toThrow("doesn't tell who may write");
  });
});

describe('the variables of a login shell', () => {
  const CUT = 'PATH="$HOME/../tools"\nenv | head -n 3\necho "PATH=$HOME/slurm:$PATH"\nkill -9 $$';
  const workspace = async () => {
    const ask = script(null, '', [workspaceSection('/w/$SCRATCH')]);
    const { stdout } = await login.run(ask.text);
    return absoluteWorkspace('/w/$SCRATCH', login.home, ask.read(stdout, 'workspace')?.output ?? '');
  };
  beforeEach(async () => {
    await login.profile(`export SCRATCH=ada/data\nPATH=${login.bin}:$PATH`);
  });

  it('lead to no other workspace where env dies behind half a value', async () => {
    expect(await workspace()).toBe('/w/ada/data');
    await login.command('env', 'printf SCRATCH=ada\nkill -9 $$');
    await expect(workspace()).rejects.toThrow('SCRATCH');
  });

  it.each([
    ['sed', 'kill -9 $$'],
    ['sed', 'echo /w/ad; exit 1'],
  ])('lead to no other workspace where %s dies: %s', async (name, death) => {
    await login.command(name, death);
    await expect(workspace()).rejects.toThrow(/./);
  });

  it.each([
    ['env', CUT],
    ['env', 'echo "PATH=$HOME/slurm:$PATH"; kill $$'],
    ['env', 'echo "PATH=$HOME/slurm:$PATH"; exit 1'],
  ])('find no Slurm where %s dies before it has told all: %s', async (name, death) => {
    const slurmAt = join(login.home, 'slurm');
    await login.command('sbatch', 'echo "slurm 22.05.8"', slurmAt);
    await login.command('scontrol', 'echo "ClusterName = $SLURM_CONF"', slurmAt);
    await login.command('squeue', 'exit 0', slurmAt);
    await login.profile(
      `PATH=${slurmAt}:${login.bin}:$PATH LATER=1 SLURM_CONF=/etc/own.conf; export PATH LATER SLURM_CONF`,
    );
    expect(await slurm.login.probe()).toMatchObject({ clusterName: '/etc/own.conf' });
    await login.command(name, death);
    await expect(slurm.login.probe()).rejects.toThrow("sbatch isn't found");
  });
});

describe('what sbatch said', () => {
  const answer = () => slurm.submission.answer(workDir, false);
  beforeEach(async () => {
    await mkdir(join(workDir, 'submit'));
    await writeFile(join(workDir, 'submit/code'), '1\n');
    await writeFile(join(workDir, 'submit/stdout'), '');
    await writeFile(
      join(workDir, 'submit/stderr'),
      'sbatch: error: Batch job submission failed: Invalid qos specification\nsbatch: error: Unable to contact slurm controller\n',
    );
  });

  it.each([
    ['submit/stderr', 1],
    ['submit/stderr', 0],
    ['submit/stdout', 0],
    ['submit/code', 0],
  ])('is not known where tail dies in %s behind %d lines', async (word, lines) => {
    expect((await answer()).kind).toBe('unknown');
    await dies('tail', lines, DEATHS.killed, word);
    await expect(answer()).rejects.toThrow('cut off');
    await hasDied();
    expect((await answer()).kind).toBe('unknown');
  });
});
