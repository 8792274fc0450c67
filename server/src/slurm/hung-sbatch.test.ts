import { execFileSync } from 'node:child_process';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_RESOURCES } from '../domain/testing.ts';
import { SlurmAdapter } from './adapter.ts';
import type { SubmitRequest } from './sbatch-options.ts';
import type { SlurmSubmission } from './slurm.ts';
import { LocalLogin } from './testing.ts';

const SETTINGS = {
  name: 'alpha',
  host: 'login',
  workspace: '~/slurmql',
  gpuRequest: 'gres',
  pollIntervalSeconds: 30,
  gpuCacheSeconds: 60,
} as const;
const JOB_ID = '01K00000000000000000000042';

let login: LocalLogin;
let slurm: SlurmSubmission;
let workDir: string;

const request = (parts: Partial<SubmitRequest> = {}): SubmitRequest => ({
  slurmName: 'train',
  workDir,
  partition: null,
  resources: NO_RESOURCES,
  dependsOn: [],
  isSingleton: false,
  extraOptions: [],
  components: [],
  ...parts,
});
const lines = async (name: string) =>
  (await readFile(join(login.home, name), 'utf8').catch(() => '')).split('\n').filter(Boolean);
const isAlive = (pid: string | undefined) => {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
};
/** Opens a named pipe that nobody writes to, as an sbatch does that reads such a file. */
const HANGS = 'echo $$ >>"$HOME/pids"; read line <"$HOME/pipe"';

beforeEach(async () => {
  login = await LocalLogin.create();
  slurm = new SlurmAdapter(login, SETTINGS).submission;
  workDir = `${login.home}/slurmql/jobs/${JOB_ID}`;
  await login.command('squeue', ':');
  await slurm.makeJobDirectory(workDir);
  await writeFile(join(workDir, 'job.sh'), '#!/bin/bash\n');
  execFileSync('mkfifo', [join(login.home, 'pipe')]);
  await login.run(`mkdir empty && tar -czf '${workDir}/source.tar.gz' -C empty .`);
  expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
  // A second is over at once, and is counted.
  const sleep = (await login.run('command -v sleep')).stdout.trim();
  await login.command('sleep', `echo "$1" >>"$HOME/sleeps"; exec ${sleep} 0.01`);
});

afterEach(async () => {
  for (const pid of await lines('pids')) if (isAlive(pid)) process.kill(Number(pid), 'SIGKILL');
  await login[Symbol.asyncDispose]();
});

describe('an sbatch that hangs', () => {
  it.each([
    ['itself', HANGS],
    ['in a program that a wrapper around it runs', `sh -c '${HANGS}'; echo 1`],
    ['after it has printed a number', `echo 77; ${HANGS}`],
    ['though it was told to end', `trap '' TERM HUP INT; ${HANGS}`],
  ])('%s is left running after seconds, and is killed when its job is cancelled', async (_how, sbatch) => {
    await login.command('sbatch', sbatch);
    expect(await slurm.submit(request())).toMatchObject({ kind: 'running' });
    expect(await slurm.answer(workDir, false)).toMatchObject({ kind: 'running' });
    expect(await slurm.find(workDir, JOB_ID)).toEqual({ slurmJobId: null, sbatch: 'running' });
    expect(await slurm.answer(workDir, true)).toMatchObject({ kind: 'unknown', isFault: false });
    const [pid] = await lines('pids');
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(await slurm.find(workDir, JOB_ID)).toEqual({ slurmJobId: null, sbatch: 'over' });
    expect(await lines('pids')).toHaveLength(1);
  });

  it.each([
    ['itself', HANGS],
    ['in a program that a wrapper around it runs', `sh -c '${HANGS}'; echo 1`],
  ])('%s is killed after five minutes by the login node alone, and says so', async (_how, sbatch) => {
    await login.command('sbatch', sbatch);
    expect(await slurm.submit(request())).toMatchObject({ kind: 'running' });
    const [pid] = await lines('pids');
    await expect.poll(() => isAlive(pid), { timeout: 60_000 }).toBe(false);
    await expect
      .poll(() => slurm.answer(workDir, false))
      .toEqual({ kind: 'unknown', message: 'sbatch did not end within 5 minutes and was killed', isFault: false });
    expect((await lines('sleeps')).filter((seconds) => seconds === '1').length).toBeGreaterThanOrEqual(300);
  });

  it('is killed where there is no setsid, too', async () => {
    await rm(join(login.home, '..', 'tools', 'setsid'));
    const timeout = execFileSync('sh', ['-c', 'command -v timeout']).toString().trim();
    await login.command('timeout', `echo "$3" >"$HOME/limit"; shift 3; exec ${timeout} -s KILL 0.1 "$@"`);
    await login.command('sbatch', HANGS);
    expect(await slurm.submit(request())).toMatchObject({ kind: 'unknown', isFault: false });
    const [pid] = await lines('pids');
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(await lines('limit')).toEqual(['300']);
  });

  it('is waited for no longer than seconds, and less once it had to be killed', async () => {
    await login.command('sbatch', HANGS);
    await slurm.submit(request());
    await slurm.answer(workDir, true);
    expect(await slurm.reset(workDir, true)).toBe(1);
    await writeFile(join(login.home, 'sleeps'), '');
    const waits = async () => (await lines('sleeps')).filter((seconds) => seconds !== '1');
    expect(await slurm.submit(request())).toMatchObject({ kind: 'running' });
    const total = (await waits()).reduce((sum, seconds) => sum + Number(seconds), 0);
    expect(total).toBeLessThan(3);
    await slurm.answer(workDir, true);
  });

  it('that was started on another login node, or whose number another process has, is not killed', async () => {
    const other = execFileSync('sh', ['-c', 'setsid sleep 60 >/dev/null 2>&1 & echo $!']).toString().trim();
    try {
      const host = (await login.run('uname -n')).stdout.trim();
      for (const [owner, kind] of [
        [`${host} ${other}`, 'unknown'],
        [`another-login ${other}`, 'unknown'],
      ] as const) {
        await login.run(`rm -rf '${workDir}/submit'; mkdir '${workDir}/submit'`);
        await symlink(owner, join(workDir, 'submit', 'owner'));
        expect(await slurm.answer(workDir, true)).toMatchObject({ kind });
        expect(isAlive(other)).toBe(true);
      }
    } finally {
      process.kill(Number(other), 'SIGKILL');
    }
  });
});

it('an sbatch that has answered is not ended, and its answer stays', async () => {
  await login.command('sbatch', 'echo 77');
  const accepted = { kind: 'accepted', slurmJobId: '77', message: null };
  expect(await slurm.submit(request())).toEqual(accepted);
  expect(await slurm.answer(workDir, true)).toEqual(accepted);
  expect(await slurm.answer(workDir, false)).toEqual(accepted);
});

describe('options that are too long for one word of a command line', () => {
  const component = { partition: null, resources: NO_RESOURCES };
  it.each([
    ['of quotes', 4, "'".repeat(8000)],
    ['of names', 16, 'n1,'.repeat(2700)],
    ['of as many components as there may be', 100, 'x'.repeat(8000)],
  ])('in all, %s, come to sbatch as they are', async (_what, count, text) => {
    await login.command(
      'sbatch',
      'for word in "$@"; do case $word in --comment=*) echo "$word"; esac; done >"$HOME/words"; echo 77',
    );
    const option = `--comment=${text}`;
    const components = Array.from({ length: count }, () => ({ ...component, extraOptions: [option] }));
    expect(await slurm.submit(request({ extraOptions: [option], components }))).toMatchObject({ slurmJobId: '77' });
    expect(await lines('words')).toEqual(Array.from({ length: count + 1 }, () => option));
  });
});

it('an sbatch that the login node cannot start is reported at once, and can be tried again', async () => {
  await login.command('sbatch', 'echo 77');
  await login.command('setsid', 'echo "setsid: fork failed: Resource temporarily unavailable" >&2; exit 1');
  expect(await slurm.submit(request())).toEqual({
    kind: 'not-asked',
    message: expect.stringMatching(/can't be started on the login node: .*Resource temporarily unavailable/),
  });
  expect((await lines('sleeps')).length).toBeLessThan(11);
  expect(await slurm.reset(workDir, false)).toBe(0);
  await rm(join(login.bin, 'setsid'));
  expect(await slurm.submit(request())).toEqual({ kind: 'accepted', slurmJobId: '77', message: null });
});
