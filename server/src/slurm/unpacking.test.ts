import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlurmAdapter } from './adapter.ts';
import type { SlurmSubmission } from './slurm.ts';
import { LocalLogin, runShell, SETTINGS } from './testing.ts';

let login: LocalLogin;
let slurm: SlurmSubmission;
let workDir: string;

beforeEach(async () => {
  login = await LocalLogin.create();
  slurm = new SlurmAdapter(login, SETTINGS).submission;
  workDir = join(login.home, 'slurmql', 'jobs', '01K00000000000000000000042');
  await slurm.makeJobDirectory(workDir);
  await mkdir(join(login.home, 'project'));
  for (const name of ['file', 'runnable']) await writeFile(join(login.home, 'project', name), 'hello\n');
  await shell('chmod 666 project/file && chmod 777 project/runnable');
  await upload();
});
afterEach(() => login[Symbol.asyncDispose]());

async function shell(text: string): Promise<string> {
  return (await runShell('/bin/sh', `cd '${login.home}' && ${text}\n`)).stdout;
}
const upload = () => shell(`tar -czf '${workDir}/source.tar.gz' -C project file runnable`);

/** Puts something before tar, which counts its calls; `$real` is tar. */
async function tarFirst(lines: string): Promise<void> {
  const real = (await shell('command -v tar')).trim();
  await login.command('tar', `real=${real}; echo call >>"$HOME/calls"\n${lines}`);
}
const HANGS = 'touch "$HOME/begun"; until [ -e "$HOME/go" ]; do sleep 0.02; done; exec "$real" "$@"';
const go = () => writeFile(join(login.home, 'go'), '');
const calls = async () => (await readFile(join(login.home, 'calls'), 'utf8')).trim().split('\n').length;

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await pause(10);
}
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const begun = () => until(() => exists(join(login.home, 'begun')));

/** A new attempt, which looks again and again until it is over. */
async function unpacked() {
  for (let isFirst = true; ; isFirst = false) {
    const answer = await slurm.unpack(workDir, isFirst);
    if (answer.kind === 'unpacked' || answer.kind === 'failed') return answer;
    await pause(10);
  }
}

/** The project is whole, and nothing else is left in the directory. */
async function expectWhole(): Promise<void> {
  expect(await readdir(join(workDir, 'source'))).toEqual(['file', 'runnable']);
  expect(await readFile(join(workDir, 'source', 'file'), 'utf8')).toBe('hello\n');
  await until(async () => (await readdir(workDir)).length === 2);
  expect(await readdir(workDir)).toEqual(['run', 'source']);
  expect(await slurm.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: true });
}

/** Kills what unpacks, as a login node does with what takes too much. */
async function killWorker(): Promise<void> {
  await shell(`owner=$(readlink '${workDir}/unpack/owner'); kill -9 "-\${owner##* }"`);
}

describe('a project', () => {
  it('is unpacked once, however often it is asked for', async () => {
    await tarFirst('exec "$real" "$@"');
    for (const waits of [true, false, true]) expect(await slurm.unpack(workDir, waits)).toEqual({ kind: 'unpacked' });
    expect(await calls()).toBe(1);
    await expectWhole();
  });

  it('is unpacked where there is no setsid, too', async () => {
    await rm(join(login.home, '..', 'tools', 'setsid'));
    await upload();
    expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
    await expectWhole();
  });

  it('is unpacked once when it is asked for several times at the same moment', async () => {
    await tarFirst('sleep 0.3; exec "$real" "$@"');
    const answers = await Promise.all([1, 2, 3, 4].map(() => slurm.unpack(workDir, true)));
    expect(answers).toEqual(answers.map(() => ({ kind: 'unpacked' })));
    expect(await calls()).toBe(1);
    await expectWhole();
  });

  it('does not show before it is whole, and nobody has to wait for it', async () => {
    await tarFirst(`"$real" "$@"; ${HANGS}`);
    const begin = performance.now();
    expect((await slurm.unpack(workDir, false)).kind).toMatch(/running|elsewhere/);
    expect(performance.now() - begin).toBeLessThan(2_000);
    await begun();
    expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'running' });
    expect(await readdir(workDir)).not.toContain('source');
    expect(await slurm.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: true });
    await go();
    expect(await unpacked()).toEqual({ kind: 'unpacked' });
    expect(await calls()).toBe(1);
  });

  it('goes on being unpacked when the login that began it is gone', async () => {
    await tarFirst(HANGS);
    const text = await scriptOf(() => slurm.unpack(workDir, true));
    const child = spawn('/bin/sh', ['-s'], {
      env: { HOME: login.home, PATH: `${login.bin}:${process.env['PATH']}` },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.write(text);
    await begun();
    child.kill('SIGHUP');
    await once(child, 'close');
    await go();
    expect(await unpacked()).toEqual({ kind: 'unpacked' });
    expect(await calls()).toBe(1);
    await expectWhole();
  });

  it('is unpacked anew when what unpacked it was killed, and this is told', async () => {
    await tarFirst(`mkdir -p half; ${HANGS}`);
    await slurm.unpack(workDir, false);
    await begun();
    await killWorker();
    await until(async () => (await slurm.unpack(workDir, false)).kind === 'restarted');
    await go();
    expect(await unpacked()).toEqual({ kind: 'unpacked' });
    expect(await calls()).toBe(2);
    expect(await readdir(join(workDir, 'source'))).toEqual(['file', 'runnable']);
  });

  it('is unpacked anew where a release before left half of it beside its archive', async () => {
    await mkdir(join(workDir, 'source'));
    await writeFile(join(workDir, 'source', 'half'), '');
    expect(await slurm.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: false });
    expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
    await expectWhole();
  });

  it('is unpacked anew when its lock was made and nothing more', async () => {
    await mkdir(join(workDir, 'unpack'));
    expect(await slurm.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: false });
    expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
    await expectWhole();
  });

  it('whose upload was cut off counts as not sent, until it is whole', async () => {
    expect(await slurm.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: false });
    await rm(join(workDir, 'source.tar.gz'));
    await expect(slurm.unpack(workDir, true)).rejects.toThrow("files are gone from the job's directory");
    await upload();
    expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
  });

  it('that another login node unpacks is waited for there, and given up when it is dropped', async () => {
    await mkdir(join(workDir, 'unpack'));
    await rename(join(workDir, 'source.tar.gz'), join(workDir, 'unpack', 'source.tar.gz'));
    await symlink('another-login 1', join(workDir, 'unpack', 'owner'));
    expect(await slurm.unpack(workDir, false)).toEqual({ kind: 'elsewhere' });
    await slurm.dropUnpacking(workDir);
    expect(await slurm.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: false });
    await upload();
    expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
    await expectWhole();
  });

  it('that is dropped has ended, and what it unpacked does not take the place of the next', async () => {
    await tarFirst(HANGS);
    await slurm.unpack(workDir, false);
    await begun();
    const owner = (await shell(`readlink '${workDir}/unpack/owner'`)).trim().split(' ')[1];
    await slurm.dropUnpacking(workDir);
    await until(async () => (await shell(`kill -0 -${owner} 2>/dev/null || echo gone`)).includes('gone'));
    expect(await readdir(workDir)).not.toContain('source');
    await upload();
    await go();
    expect(await unpacked()).toEqual({ kind: 'unpacked' });
    await expectWhole();
  });

  it('kills nobody else whose number stands in the lock', async () => {
    const other = spawn('sleep', ['60'], { detached: true });
    await mkdir(join(workDir, 'unpack'));
    await symlink(`${(await shell('uname -n')).trim()} ${other.pid}`, join(workDir, 'unpack', 'owner'));
    await slurm.dropUnpacking(workDir);
    await slurm.removeJobDirectory(workDir);
    await pause(100);
    expect(other.exitCode ?? other.signalCode).toBeNull();
    other.kill();
  });

  it('that is being unpacked ends when its directory is removed, and leaves nothing', async () => {
    await tarFirst('for into; do :; done; touch "$HOME/begun"; while :; do echo x >"$into/$(date +%N)"; done');
    await slurm.unpack(workDir, false);
    await begun();
    await slurm.removeJobDirectory(workDir);
    await pause(200);
    expect(await readdir(join(login.home, 'slurmql', 'jobs'))).toEqual([]);
  });
});

describe('a project that cannot be unpacked', () => {
  it('is told in the words of tar, and can be tried again with the files that are there', async () => {
    await tarFirst('echo "tar: file: Cannot open: File name too long" >&2; exit 2');
    expect(await slurm.unpack(workDir, true)).toEqual({
      kind: 'failed',
      message: "The project can't be unpacked on the cluster: tar: file: Cannot open: File name too long",
      isFault: false,
    });
    expect(await readdir(workDir)).not.toContain('source');
    expect(await slurm.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: true });
    await rm(join(login.bin, 'tar'));
    expect(await unpacked()).toEqual({ kind: 'unpacked' });
    await expectWhole();
  });

  it('is told however long tar took, and whoever looks, until it is tried again', async () => {
    await tarFirst(`${HANGS.replace(/;[^;]*$/, '')}; echo "tar: file: Cannot open: File name too long" >&2; exit 2`);
    expect((await slurm.unpack(workDir, false)).kind).toMatch(/running|elsewhere/);
    await begun();
    expect(await slurm.lookAtUnpacking(workDir)).toBe('running');
    await go();
    await until(async () => (await slurm.lookAtUnpacking(workDir)) === 'ended');
    for (let look = 0; look < 2; look += 1) {
      expect(await slurm.unpack(workDir, false)).toMatchObject({ kind: 'failed', isFault: false });
    }
    expect(await calls()).toBe(1);
    await rm(join(login.bin, 'tar'));
    expect(await unpacked()).toEqual({ kind: 'unpacked' });
    expect(await slurm.lookAtUnpacking(workDir)).toBe('ended');
  });

  it('is not begun by a look', async () => {
    await tarFirst('exec "$real" "$@"');
    expect(await slurm.lookAtUnpacking(workDir)).toBe('over');
    await mkdir(join(workDir, 'unpack'));
    expect(await slurm.lookAtUnpacking(workDir)).toBe('elsewhere');
    await symlink(`${(await shell('uname -n')).trim()} 4194305`, join(workDir, 'unpack', 'owner'));
    expect(await slurm.lookAtUnpacking(workDir)).toBe('over');
    await expect(calls()).rejects.toThrow('ENOENT');
  });

  it('is told when it is no archive', async () => {
    await writeFile(join(workDir, 'source.tar.gz'), 'this is no archive');
    expect(await slurm.unpack(workDir, true)).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining("can't be unpacked"),
      isFault: false,
    });
  });

  it.each([
    ['archive', 'tar: a/b: Cannot open: Not a directory'],
    ['archive', 'tar: a: Cannot mkdir: File name too long\ntar: a/b: Cannot open: No such file or directory'],
    ['archive', 'gzip: stdin: unexpected end of file\ntar: Unexpected EOF in archive'],
    ['archive', 'gzip: stdin: invalid compressed data--crc error'],
    ['archive', "tar: can't open 'a/b': File name too long"],
    ['node', 'tar: ./train.py: Cannot open: Input/output error'],
    ['node', 'tar: ./a: Cannot mkdir: Stale file handle'],
    ['node', 'tar: ./a: Cannot open: Cannot send after transport endpoint shutdown'],
    ['node', 'tar (child): gzip: Cannot exec: Resource temporarily unavailable'],
    ['node', 'tar: Cannot allocate memory'],
    ['node', 'sh: tar: not found'],
    ['node', 'tar: ./a: Cannot open: Permission denied'],
    ['node', 'tar: a: Cannot open: Stale file handle\ntar: a/b: Cannot open: Not a directory'],
    ['node', 'tar: error while loading shared libraries: libacl.so.1: cannot open shared object file'],
  ])('is the fault of the %s: %s', async (whose, said) => {
    await tarFirst(`cat >&2 <<'SAID'\n${said}\nSAID\nexit 2`);
    expect(await slurm.unpack(workDir, true)).toMatchObject({ kind: 'failed', isFault: whose === 'node' });
    await rm(join(login.bin, 'tar'));
    expect(await unpacked()).toEqual({ kind: 'unpacked' });
  });

  it.each(['tar: file: Cannot write: No space left on device', 'tar: file: Wrote only 5632 of 10240 bytes'])(
    'waits for room on a full disk, and leaves none of it taken by half a project (%s)',
    async (words) => {
      await tarFirst(`"$real" "$@"; echo "${words}" >&2; exit 2`);
      await expect(slurm.unpack(workDir, true)).rejects.toThrow(`${words.slice(5)}. Free some space`);
      expect(await shell(`find '${workDir}' -name runnable`)).toBe('');
      await rm(join(login.bin, 'tar'));
      expect(await unpacked()).toEqual({ kind: 'unpacked' });
      await expectWhole();
    },
  );

  it('waits where its lock cannot be made, with the files that were sent', async () => {
    await login.command('mkdir', 'echo "mkdir: cannot create directory: Disk quota exceeded" >&2\nexit 1');
    await expect(slurm.unpack(workDir, true)).rejects.toThrow(/Disk quota exceeded\. Free some space/);
    await rm(join(login.bin, 'mkdir'));
    expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
  });

  it('is told by the end of all that tar says', async () => {
    await login.command('tar', 'yes "tar: a: Cannot open: File name too long" | head -n 500000\nexit 2');
    await symlink('/usr/bin/yes', join(login.bin, 'yes'));
    const answer = await unpacked();
    expect(answer).toMatchObject({ kind: 'failed', message: expect.stringContaining('File name too long') });
    expect(JSON.stringify(answer).length).toBeLessThan(100_000);
  });
});

/** What is sent for a request, which never arrives. */
async function scriptOf(ask: () => Promise<unknown>): Promise<string> {
  const { run } = login;
  let text = '';
  login.run = async (script) => {
    text = script;
    return { exitCode: 0, stdout: '', stderr: '' };
  };
  await ask().catch(() => undefined);
  login.run = run;
  return text;
}

it.each([
  ['022', 0o644, 0o755],
  ['027', 0o640, 0o750],
  ['077', 0o600, 0o700],
  ['002', 0o664, 0o775],
  ['000', 0o666, 0o777],
])('files are unpacked as a login with umask %s makes them, root too', async (umask, file, runnable) => {
  const run = login.run.bind(login);
  login.run = (script) => run(`umask ${umask}\n${script}`);
  expect(await slurm.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
  const modeOf = async (name: string) => (await stat(join(workDir, 'source', name))).mode & 0o777;
  expect(await modeOf('file')).toBe(file);
  expect(await modeOf('runnable')).toBe(runnable);
  expect(await modeOf('.')).toBe(runnable);
});
