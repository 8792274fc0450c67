import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SshConnection } from '../connection.ts';
import { SshInterrupted, SshOutputTooLarge, SshUnavailable } from '../errors.ts';
import { LongAnswers } from '../long-answers.ts';
import { eventually, SshWorld } from '../testing.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

let world: SshWorld;
let connection: SshConnection;
beforeAll(async () => {
  await ensurePackages(['tcsh', 'zsh']);
  world = await SshWorld.create();
  connection = world.connect(await world.settings(await world.startSshd()));
});
afterAll(() => world.close());

const run = (script: string, timeoutMs = 20_000) => connection.run(script, { timeoutMs });

/** How many processes of the account have `text` in their command line. */
const processes = (text: string) =>
  execFileSync('ps', ['-ww', '-o', 'args=', '-u', world.account.name])
    .toString()
    .split('\n')
    .filter((line) => line.includes(text)).length;

test('a script runs, and its output, error output and exit code come back apart', async () => {
  expect(await run('echo out; echo err >&2; exit 3')).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
  expect(await run('true')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(await run('')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(await run('# nothing but a comment')).toMatchObject({ exitCode: 0 });
  expect(await run('false')).toMatchObject({ exitCode: 1 });
  expect(await run("trap 'exit 7' EXIT")).toMatchObject({ exitCode: 7 });
});

test('a script may have many lines, here documents, functions and quotes', async () => {
  const script = `say() { printf '<%s>' "$1"; }
say "it's"
cat <<'END'
{ "json": true }
END
(exit 5)`;
  expect(await run(script)).toEqual({ exitCode: 5, stdout: `<it's>{ "json": true }\n`, stderr: '' });
});

test('a script of a megabyte runs', async () => {
  const { stdout } = await run(`cat <<'END'\n${'0123456789abcde\n'.repeat(65_536)}END\necho end`);
  expect(stdout.length).toBe(16 * 65_536 + 4);
});

test("a fault in a script is reported in the shell's own words", async () => {
  const { exitCode, stderr } = await run('true\ntrue\nno-such-command');
  expect(exitCode).toBe(127);
  expect(stderr).toMatch(/\b\d+: no-such-command: not found/);
});

test('a script that is not complete does nothing at all', async () => {
  expect(await run('echo started\nif true; then')).toMatchObject({ exitCode: 2, stdout: '' });
});

test('a command that reads its input finds it empty, and does not eat the rest of the script', async () => {
  expect(await run('cat; echo after')).toMatchObject({ stdout: 'after\n' });
});

test('output of several bytes a character comes through whole, control characters too', async () => {
  const { stdout } = await run(`printf 'a\\037b\\036\\000'; printf 'é漢😀%.0s' $(seq 20000)`);
  expect(stdout).toBe(`a\x1fb\x1e\0${'é漢😀'.repeat(20_000)}`);
});

test('bytes that are not UTF-8 are replaced, and the rest stays', async () => {
  expect((await run(`printf 'a\\377b'`)).stdout).toBe('a\u{fffd}b');
});

test('a command past its deadline is stopped, on the cluster too, and its outcome called unknown', async () => {
  const stopped = run('sleep 4711; true', 500);
  await expect(stopped).rejects.toThrow(SshInterrupted);
  await expect(stopped).rejects.toThrow('the deadline of 500 ms passed');
  await eventually(() => processes('sleep 4711') === 0);
  expect((await run('echo fine')).stdout).toBe('fine\n');
});

test('a command that its caller cancels is stopped the same', async () => {
  const controller = new AbortController();
  const stopped = connection.run('sleep 4712; true', { timeoutMs: 20_000, signal: controller.signal });
  await eventually(() => processes('sleep 4712') > 0);
  controller.abort();
  await expect(stopped).rejects.toThrow(SshInterrupted);
  await eventually(() => processes('sleep 4712') === 0);
});

test('a command that is cancelled before it is sent is not sent', async () => {
  const stopped = connection.run('touch sent', { timeoutMs: 20_000, signal: AbortSignal.abort() });
  await expect(stopped).rejects.toThrow(SshUnavailable);
  expect(await run('test -e sent')).toMatchObject({ exitCode: 1 });
});

test('a command that a signal ends has no exit code, so its outcome is called unknown', async () => {
  await expect(run('kill -KILL $$; sleep 1')).rejects.toThrow('ended without an exit code');
});

test('a command that prints too much is stopped', async () => {
  const stopped = connection.run('yes 4713', { timeoutMs: 20_000, maxOutputBytes: 100_000 });
  await expect(stopped).rejects.toThrow(SshOutputTooLarge);
  await eventually(() => processes('yes 4713') === 0);
  const { stdout } = await connection.run('head -c 100000 /dev/zero', { timeoutMs: 20_000, maxOutputBytes: 100_000 });
  expect(stdout.length).toBe(100_000);
});

test('one command that is slow to read from holds no other one up', async () => {
  const large = run('head -c 16000000 /dev/zero');
  expect((await run('echo quick')).stdout).toBe('quick\n');
  expect((await large).stdout.length).toBe(16_000_000);
});

describe('whatever the login shell', () => {
  afterAll(() => execFileSync('usermod', ['--shell', '/bin/bash', world.account.name]));

  test('bash that prints at its start, and a banner, do not disturb the result', async () => {
    await writeFile(join(world.account.home, '.bashrc'), 'echo noise; echo more >&2\n');
    const banner = await world.file('banner', 'AUTHORISED USE ONLY\n');
    const noisy = world.connect(await world.settings(await world.startSshd({ extraConfig: [`Banner ${banner}`] })));
    expect(await noisy.run('echo "$0"; exit 4', { timeoutMs: 20_000 })).toEqual({
      exitCode: 4,
      stdout: 'noise\n/bin/sh\n',
      stderr: 'more\n',
    });
  });

  test('csh runs the same script', async () => {
    execFileSync('usermod', ['--shell', '/bin/tcsh', world.account.name]);
    await writeFile(join(world.account.home, '.cshrc'), 'echo noise\n');
    const csh = world.connect(await world.settings(await world.startSshd()));
    expect(await csh.run(`x='a!b'; for i in 1 2; do echo "$i $x"; done; exit 4`, { timeoutMs: 20_000 })).toEqual({
      exitCode: 4,
      stdout: 'noise\n1 a!b\n2 a!b\n',
      stderr: '',
    });
  });

  test('that of a closed account is told in its own words, and nothing was sent', async () => {
    execFileSync('usermod', ['--shell', '/usr/sbin/nologin', world.account.name]);
    const closed = world.connect(await world.settings(await world.startSshd()));
    const refused = closed.run('echo never', { timeoutMs: 20_000 });
    await expect(refused).rejects.toThrow(SshUnavailable);
    await expect(refused).rejects.toThrow(
      'the login ended with exit code 1 instead of running a command. The login said: This account is currently not available.',
    );
  });

  test('one that says nothing at all is told so', async () => {
    execFileSync('usermod', ['--shell', '/bin/false', world.account.name]);
    const closed = world.connect(await world.settings(await world.startSshd()));
    await expect(closed.run('echo never', { timeoutMs: 20_000 })).rejects.toThrow(
      'the login ended with exit code 1 instead of running a command, and the login said nothing',
    );
  });

  test('a restricted one is told in its own words', async () => {
    execFileSync('usermod', ['--shell', '/bin/rbash', world.account.name]);
    const restricted = world.connect(await world.settings(await world.startSshd()));
    await expect(restricted.run('echo never', { timeoutMs: 20_000 })).rejects.toThrow(/The login said: .*restricted/);
  });
});

/** What fails in any other shell than sh: a pattern that matches nothing, unquoted words, `=` before a word. */
const PLAIN_SH = `words='a b'; for word in $words /no-such-*; do echo "$word"; done; echo =ls; exit 6`;
const PLAIN_ANSWER = { exitCode: 6, stdout: 'a\nb\n/no-such-*\n=ls\n' };

describe('a shell of our choice runs the script', () => {
  beforeAll(() => {
    execFileSync('usermod', ['--shell', '/bin/bash', world.account.name]);
  });
  afterAll(() => writeFile(join(world.account.home, '.bashrc'), ''));

  test.each([
    ['replaces the shell by zsh', 'exec zsh'],
    ['replaces the shell by zsh that stops at what is not set', 'exec zsh -o nounset'],
    ['replaces the shell by a login shell of zsh', 'exec zsh -l'],
    ['replaces the shell by tcsh, which reads its input in blocks', 'exec tcsh'],
    ['replaces the shell by dash', 'exec dash'],
    ['starts zsh and ends with it', 'zsh; exit'],
    ['starts zsh and goes on after it', 'zsh'],
    ['asks something', 'read -r answer; read -r -p "Project? " other; echo "working in $answer$other"'],
    ['prints on both streams and replaces the shell', 'echo Welcome; echo "Quota: 99 %" >&2; exec zsh'],
    ['stops at every fault', 'set -eu -o pipefail'],
    ['changes what words mean', "shopt -s expand_aliases; alias printf='echo no' exit=true"],
  ])('where .bashrc %s', async (_what, lines) => {
    await writeFile(join(world.account.home, '.bashrc'), `${lines}\n`);
    const odd = world.connect(await world.settings(await world.startSshd()));
    const { exitCode, stdout } = await odd.run(PLAIN_SH, { timeoutMs: 30_000 });
    expect({ exitCode, stdout: stdout.slice(-PLAIN_ANSWER.stdout.length) }).toEqual(PLAIN_ANSWER);
  });

  test.each([
    ['gives a shell whatever was asked for', '/bin/bash'],
    ['gives zsh whatever was asked for', '/usr/bin/zsh'],
    ['runs what was asked for', 'exec $SSH_ORIGINAL_COMMAND'],
    ['has a shell run what was asked for', 'exec "$SHELL" -c "$SSH_ORIGINAL_COMMAND"'],
  ])('where a forced command %s', async (_what, command) => {
    await writeFile(join(world.account.home, '.bashrc'), '');
    const forced = world.connect(
      await world.settings(await world.startSshd({ extraConfig: [`ForceCommand ${command}`] })),
    );
    expect(await forced.run(PLAIN_SH, { timeoutMs: 30_000 })).toMatchObject(PLAIN_ANSWER);
  });

  test('and a forced command that does something else is told in its own words', async () => {
    const forced = world.connect(
      await world.settings(
        await world.startSshd({
          extraConfig: ['ForceCommand echo "Password change required but no TTY available." >&2'],
        }),
      ),
    );
    await expect(forced.run('echo never', { timeoutMs: 20_000 })).rejects.toThrow(
      'the login ended with exit code 0 instead of running a command. The login said: Password change required',
    );
  });

  test('a megabyte of script, too, where the shell reads in blocks', async () => {
    await writeFile(join(world.account.home, '.bashrc'), 'exec tcsh\n');
    const odd = world.connect(await world.settings(await world.startSshd()));
    const script = `cat <<'END'\n${'0123456789abcde\n'.repeat(65_536)}END\necho end`;
    const { stdout } = await odd.run(script, { timeoutMs: 30_000 });
    expect(stdout.endsWith(`${'0123456789abcde\n'.repeat(65_536)}end\n`)).toBe(true);
  });

  test('what waits for an answer of nobody sends nothing, and is told', async () => {
    await writeFile(join(world.account.home, '.bashrc'), 'echo "Accept the terms of use:"; sleep 30\n');
    const waiting = world.connect(await world.settings(await world.startSshd()));
    const asked = waiting.run('touch never-sent', { timeoutMs: 1_000 });
    await expect(asked).rejects.toThrow(SshUnavailable);
    await expect(asked).rejects.toThrow('before a shell answered. The login said: Accept the terms of use:');
  });
});

test('of the long answers of a connection one is on its way at a time, and short ones pass them', async () => {
  const begun = `${world.account.home}/begun`;
  const [bytes, mostBytes] = [12 * 1024 * 1024, 20 * 1024 * 1024];
  const long = (rest: string) =>
    connection.run(`head -c ${bytes} /dev/zero; ${rest}`, { timeoutMs: 60_000, maxOutputBytes: mostBytes });
  const first = long(`touch ${begun}; until [ -e ${begun}.go ]; do sleep 0.05; done`);
  await eventually(async () => (await run(`ls ${begun}`)).exitCode === 0);
  const others = [1, 2].map((number) => long(`touch ${begun}.${number}`));
  for (let asked = 0; asked < 20; asked += 1) {
    expect((await run(`ls ${begun}.1 ${begun}.2`)).stdout).toBe('');
  }
  await run(`touch ${begun}.go`);
  for (const { exitCode, stdout } of await Promise.all([first, ...others])) {
    expect([exitCode, stdout.length]).toEqual([0, bytes]);
  }
});

test('a long answer is followed by the next once it is read, on connections that share their turns, too', async () => {
  const longAnswers = new LongAnswers(600_000);
  const settings = await world.settings(await world.startSshd());
  const [one, other] = [1, 2].map(() => world.connect(settings, {}, { longAnswers }));
  const begun = `${world.account.home}/read`;
  const reading = new AbortController();
  const long = (by: SshConnection | undefined, rest: string, until?: AbortSignal) =>
    by?.run(`head -c 12000000 /dev/zero; ${rest}`, {
      ...{ timeoutMs: 60_000, maxOutputBytes: 20_000_000 },
      ...(until === undefined ? {} : { until }),
    });
  expect((await long(one, 'true', reading.signal))?.stdout).toHaveLength(12_000_000);
  const others = [one, other].map((by, index) => long(by, `touch ${begun}.${index}`));
  for (let asked = 0; asked < 20; asked += 1) expect((await run(`ls ${begun}.0 ${begun}.1`)).stdout).toBe('');
  reading.abort();
  for (const result of await Promise.all(others)) expect(result?.stdout).toHaveLength(12_000_000);
});

test('a long answer that is given up gives the next one its turn', async () => {
  const long = (rest: string, timeoutMs: number) =>
    connection.run(`head -c 12000000 /dev/zero; ${rest}`, { timeoutMs, maxOutputBytes: 20_000_000 });
  const first = long('sleep 600', 3_000);
  const second = long('', 60_000);
  await expect(first).rejects.toThrow(SshInterrupted);
  expect((await second).stdout).toHaveLength(12_000_000);
});
