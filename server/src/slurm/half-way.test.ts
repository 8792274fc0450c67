import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlurmAdapter } from './adapter.ts';
import { LocalLogin, SETTINGS } from './testing.ts';

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
    ['sed', 2, 'killed', DEATHS.killed, 'command$'],
    ['sed', 0, 'killed', DEATHS.killed, '-e q'],
    ['head', 2, 'killed', DEATHS.killed, '-n 200001'],
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
    ['sed', 0, 'killed', DEATHS.killed, '-e q'],
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
