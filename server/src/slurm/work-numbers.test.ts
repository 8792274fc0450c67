import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlurmAdapter } from './adapter.ts';
import type { SlurmSubmission } from './slurm.ts';
import { LocalLogin, SETTINGS } from './testing.ts';

// A lock names what works under it by its number, which a login node that was started anew gives to any other process.

const JOB_ID = '01K00000000000000000000042';

let login: LocalLogin;
let slurm: SlurmSubmission;
let workDir: string;
let started: ChildProcess[];
/** Process groups that a test began. */
let groups: string[];

beforeEach(async () => {
  login = await LocalLogin.create();
  slurm = new SlurmAdapter(login, SETTINGS).submission;
  // As a login may have named it.
  workDir = join(login.home, "ada's work", 'jobs', JOB_ID);
  [started, groups] = [[], []];
  await login.command('squeue', ':');
  await slurm.makeJobDirectory(workDir);
  await login.run('mkdir empty');
});

afterEach(async () => {
  for (const child of started) child.kill('SIGKILL');
  for (const group of groups) process.kill(-Number(group), 'SIGKILL');
  await login[Symbol.asyncDispose]();
});

/** Runs a shell as the first process of a group, and waits for its first line. */
async function leader(text: string, words: readonly string[] = []): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn('/bin/sh', ['-c', text, 'sh', ...words], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  started.push(child);
  const [line] = await once(child.stdout, 'data');
  return { child, line: String(line).trim() };
}

/** One that goes on, with its number. */
async function another(text: string, words?: readonly string[]): Promise<string> {
  const { child } = await leader(`echo begun; ${text}`, words);
  return String(child.pid);
}

/** What is told of a job whose sbatch, or whose tar, has this number in its lock. */
async function told(number: string, host?: string) {
  const owner = `${host ?? (await login.run('uname -n')).stdout.trim()} ${number}`;
  for (const lock of ['submit', 'unpack']) {
    await rm(join(workDir, lock), { recursive: true, force: true });
    await mkdir(join(workDir, lock));
    await symlink(owner, join(workDir, lock, 'owner'));
  }
  await login.run(`tar -czf "${workDir}/unpack/source.tar.gz" -C empty .`);
  const { sbatch } = await slurm.find(workDir, JOB_ID);
  const { kind } = await slurm.answer(workDir, false);
  return { sbatch, kind, unpacking: (await slurm.unpack(workDir, false)).kind };
}

const OVER = { sbatch: 'over', kind: 'unknown', unpacking: expect.stringMatching(/^(restarted|unpacked)$/) };
const RUNNING = { sbatch: 'running', kind: 'running', unpacking: 'running' };

describe('work is over whose number has', () => {
  it.each<[string, () => Promise<string>]>([
    ['a program', () => another('exec sleep 600')],
    ['a shell', () => another('sleep 600; :')],
    ['the work of another job', () => another(": '01K00000000000000000000043'; sleep 600; :", ['022'])],
    ['a program with a long command line', () => another('sleep 600; :', ['x'.repeat(100_000)])],
    ['a program of the workspace', () => another('sleep 600; :', [join(workDir, '..')])],
    ['nobody any more', async () => '4194305'],
  ])('%s', async (_who, begin) => {
    const number = await begin();
    expect(await told(number)).toEqual(OVER);
    await expect.poll(async () => (await slurm.unpack(workDir, false)).kind).toBe('unpacked');
    expect(started.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual(started.map(() => null));
  });
});

describe('work may go on', () => {
  it('whose shell has died, and left what it began', async () => {
    const { child } = await leader('sleep 600 >/dev/null & echo begun');
    groups.push(String(child.pid));
    if (child.exitCode === null) await once(child, 'exit');
    expect(await told(String(child.pid))).toEqual(RUNNING);
  });

  it('whose shell has died, though nobody has noticed yet', async () => {
    // Its parent waits for nobody once it is another program.
    const dies = 'sleep 600 & until grep -q sleep /proc/\\$PPID/comm; do sleep 0.02; done';
    const { line } = await leader(`setsid sh -c "${dies}" >/dev/null & echo $!; exec sleep 600 >/dev/null`);
    groups.push(line);
    await expect.poll(async () => (await login.run(`cat /proc/${line}/stat`)).stdout).toMatch(/\) Z /);
    expect(await told(line)).toEqual(RUNNING);
  });

  it('that names its job, in whatever directory of it', async () => {
    expect(await told(await another(`: '${JOB_ID}'; sleep 600; :`))).toEqual(RUNNING);
    expect(await told(await another('sleep 600; :', [`--chdir=/elsewhere/jobs/${JOB_ID}/source`]))).toEqual(RUNNING);
  });

  it('where the command line of its number can not be read', async () => {
    const number = await another('sleep 600; :');
    await rm(join(login.home, '..', 'tools', 'head'));
    expect(await told(number)).toEqual(RUNNING);
  });

  it('where /proc is that of another container', async () => {
    const number = await another('sleep 600; :');
    const run = login.run.bind(login);
    login.run = (script) => run(script.replaceAll('/proc/self/stat', `/proc/${number}/stat`));
    expect(await told(number)).toEqual(RUNNING);
  });

  it('on another login node', async () => {
    expect(await told(await another('sleep 600; :'), 'another-login')).toEqual({
      ...{ sbatch: 'elsewhere', kind: 'unknown', unpacking: 'elsewhere' },
    });
  });
});
