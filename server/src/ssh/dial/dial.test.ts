import { execFileSync, spawn } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createKey, oneTimeCode, type Sshd } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SshConnection } from '../connection.ts';
import type { LoginPrompt } from '../connection-state.ts';
import { SshUnavailable } from '../errors.ts';
import { eventually, SshWorld, stateOf, type WorldSshd } from '../testing.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

let world: SshWorld;
beforeAll(async () => {
  world = await SshWorld.create();
});
afterAll(() => world.close());

const hello = async (connection: SshConnection) => (await connection.run('echo hello', { timeoutMs: 20_000 })).stdout;
const refusal = async (connection: SshConnection) => (await stateOf(connection, 'refused')).message;

/** A server whose only host key is of RSA, and that proves it in these ways. */
async function rsaSshd(algorithms: string): Promise<WorldSshd> {
  const hostKey = world.path('rsa');
  execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-N', '', '-f', hostKey]);
  return world.startSshd({ hostKey, extraConfig: [`HostKeyAlgorithms ${algorithms}`, 'LogLevel VERBOSE'] });
}

describe('host keys', () => {
  test('an unknown one is refused before any login, and the message says how to make it known', async () => {
    const sshd = await world.startSshd();
    const knownHosts = await world.file('known_hosts', '');
    const settings = { ...(await world.settings(sshd)), knownHosts };
    const connection = world.connect(settings, {}, { timing: { askAgainMs: 0 } });
    const fingerprint = execFileSync('ssh-keygen', ['-lf', `${sshd.hostKeyPath}.pub`])
      .toString()
      .split(' ')[1];
    const message = await refusal(connection);
    expect(message).toContain(`the host key of ${world.account.name}@127.0.0.1:${sshd.port} is not known`);
    expect(message).toContain(`it presented ssh-ed25519 ${fingerprint}`);
    expect(await sshd.log()).not.toContain(world.account.name);
    await expect(connection.run('true', { timeoutMs: 20_000 })).rejects.toThrow(SshUnavailable);

    // The command from the message, with the answer that a person gives.
    const [, command = ''] = /(ssh -o .*)$/.exec(message) ?? [];
    const [program = '', ...args] = command.split(' ');
    execFileSync(program, ['-o', 'StrictHostKeyChecking=accept-new', '-i', world.keyFile, ...args, 'true'], {
      stdio: 'ignore',
    });
    connection.connectNow();
    expect(await hello(connection)).toBe('hello\n');
  });

  test('a changed one is refused before any login, and the line with the known one is named', async () => {
    const sshd = await world.startSshd();
    const other = await createKey(world.path('other'));
    const knownHosts = await world.file('known_hosts', `# nothing\n[127.0.0.1]:${sshd.port} ${other}\n`);
    const message = await refusal(world.connect({ ...(await world.settings(sshd)), knownHosts }));
    expect(message).toContain(`THE HOST KEY OF ${world.account.name}@127.0.0.1:${sshd.port} HAS CHANGED`);
    expect(message).toContain(`${knownHosts}:2`);
    expect(await sshd.log()).not.toContain(world.account.name);
  });

  test('a revoked one is refused before any login', async () => {
    const sshd = await world.startSshd();
    const lines = `${sshd.knownHostsLine}\n@revoked * ${sshd.hostPublicKey}\n`;
    const knownHosts = await world.file('known_hosts', lines);
    const message = await refusal(world.connect({ ...(await world.settings(sshd)), knownHosts }));
    expect(message).toContain(`is revoked by ${knownHosts}:2`);
    expect(await sshd.log()).not.toContain(world.account.name);
  });

  test('one of RevokedHostKeys is refused before any login, and so is every one where that file is missing', async () => {
    const sshd = await world.startSshd();
    const settings = await world.settings(sshd);
    const revoked = await world.file('revoked', `# lost\n${sshd.hostPublicKey} a comment\n`);
    const config = (name: string) => world.file('config', `RevokedHostKeys ${name}\n`);
    const refusedBy = async (configFile: string) => refusal(world.connect(settings, { configFile }));
    expect(await refusedBy(await config(revoked))).toContain(`is revoked by ${revoked}:2`);
    expect(await refusedBy(await config(`${revoked}.missing`))).toContain('is not there, so no host is trusted');
    execFileSync('ssh-keygen', ['-k', '-f', `${revoked}.krl`, `${sshd.hostKeyPath}.pub`], { stdio: 'ignore' });
    expect(await refusedBy(await config(`${revoked}.krl`))).toContain('is a key revocation list');
    expect(await sshd.log()).not.toContain(world.account.name);
    expect(await hello(world.connect(settings))).toBe('hello\n');
  });

  test('a hashed entry, as ssh-keygen -H writes it, is understood', async () => {
    const sshd = await world.startSshd();
    const knownHosts = await world.file('known_hosts', `${sshd.knownHostsLine}\n`);
    execFileSync('ssh-keygen', ['-H', '-f', knownHosts], { stdio: 'ignore' });
    expect(await readFile(knownHosts, 'utf8')).not.toContain('127.0.0.1');
    expect(await hello(world.connect({ ...(await world.settings(sshd)), knownHosts }))).toBe('hello\n');
  });

  test.each(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa,rsa-sha2-256', 'rsa-sha2-512,ssh-rsa'])(
    'an RSA key proves itself by %s',
    async (algorithms) => {
      const connection = world.connect(await world.settings(await rsaSshd(algorithms)));
      await stateOf(connection, 'online');
    },
  );

  test.each(['ssh-rsa', 'ssh-rsa,ssh-rsa-cert-v01@openssh.com'])(
    'a key that proves itself by %s, with SHA-1, is refused before any login, and what to do is said',
    async (algorithms) => {
      const sshd = await rsaSshd(algorithms);
      const connection = world.connect(await world.settings(sshd));
      const { message } = await stateOf(connection, 'refused');
      expect(message).toContain('such as ssh-rsa, which signs with SHA-1. No login was tried.');
      expect(message).toContain('add an ed25519 host key');
      expect(await sshd.log()).not.toContain('publickey');
    },
  );

  test.each(['ecdsa', 'rsa'])('of several keys of a server, the known one is asked for: %s', async (type) => {
    const path = world.path(type);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path]);
    const sshd = await world.startSshd({ extraConfig: [`HostKey ${path}`] });
    const line = `[127.0.0.1]:${sshd.port} ${await readFile(`${path}.pub`, 'utf8')}`;
    const knownHosts = await world.file('known_hosts', line);
    expect(await hello(world.connect({ ...(await world.settings(sshd)), knownHosts }))).toBe('hello\n');
  });

  test('a known_hosts file that cannot be read is a fault that names it', async () => {
    const knownHosts = world.directory;
    const settings = { ...(await world.settings(await world.startSshd())), knownHosts };
    expect(await refusal(world.connect(settings))).toContain(`${knownHosts} can't be read`);
  });
});

describe('logins', () => {
  test('a wrong key is refused after exactly one attempt, and none follows', async () => {
    const sshd = await world.startSshd({ extraConfig: ['LogLevel VERBOSE'] });
    const identityFile = world.path('wrong');
    await createKey(identityFile);
    const connection = world.connect({ ...(await world.settings(sshd)), identityFile });
    const message = await refusal(connection);
    expect(message).toContain(`${world.account.name}@127.0.0.1:${sshd.port} refused the login`);
    expect(message).toContain(`It was offered ${identityFile} and accepts publickey`);
    await expect(connection.run('true', { timeoutMs: 20_000 })).rejects.toThrow('refused the login');
    await eventually(async () => (await sshd.log()).includes('[preauth]'));
    const log = await sshd.log();
    expect(log.match(/Connection from/g)).toHaveLength(1);
    expect(log.match(/Failed publickey/g)).toHaveLength(1);
  });

  test('an identity file that does not exist, or is none, is named before any server is asked', async () => {
    const settings = await world.settings(await world.startSshd());
    const missing = join(world.directory, 'missing');
    expect(await refusal(world.connect({ ...settings, identityFile: missing }))).toContain(`${missing}: no such file`);
    const text = await world.file('text', 'not a key');
    expect(await refusal(world.connect({ ...settings, identityFile: text }))).toContain(`${text} isn't a private key`);
  });

  test('an encrypted key is named, with what to do about it', async () => {
    const identityFile = world.path('encrypted');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', identityFile]);
    const settings = { ...(await world.settings(await world.startSshd())), identityFile };
    const message = await refusal(world.connect(settings));
    expect(message).toContain(`${identityFile} is encrypted and the SSH agent doesn't hold it`);
    expect(message).toContain(`ssh-add ${identityFile}`);
    expect(message).toContain('SSH_AUTH_SOCK');
  });

  test.each(['ed25519', 'ecdsa', 'rsa'])('a key file of type %s logs in', async (type) => {
    const identityFile = world.path(type);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', identityFile]);
    const sshd = await world.startSshd({ authorizedKeys: [await readFile(`${identityFile}.pub`, 'utf8')] });
    expect(await hello(world.connect({ ...(await world.settings(sshd)), identityFile }))).toBe('hello\n');
  });

  test('the usual key files are found in the home directory', async () => {
    const homeDirectory = world.path('home');
    execFileSync('mkdir', ['-p', join(homeDirectory, '.ssh')]);
    execFileSync('cp', [world.keyFile, join(homeDirectory, '.ssh/id_ed25519')]);
    const { identityFile: _, ...settings } = await world.settings(await world.startSshd());
    expect(await hello(world.connect(settings, { homeDirectory }))).toBe('hello\n');
  });

  test('without any key, the message says how to get one', async () => {
    const { identityFile: _, ...settings } = await world.settings(await world.startSshd());
    const message = await refusal(world.connect(settings));
    expect(message).toContain(
      'There is no key to offer: set identity_file, or add a key to the SSH agent with ssh-add',
    );
  });

  test('a server that ends the conversation for too many failures is quoted', async () => {
    const sshd = await world.startSshd({ extraConfig: ['MaxAuthTries 1'] });
    const identityFile = world.path('wrong');
    await createKey(identityFile);
    const message = await refusal(world.connect({ ...(await world.settings(sshd)), identityFile }));
    expect(message).toContain('The server said: Too many authentication failures');
  });
});

describe('logins that ask', () => {
  const PASSWORD = 'correct horse';
  const CODE_PROMPT = { text: 'Verification code:', isSecret: true };
  const codeOf = (sshd: Sshd) => oneTimeCode(sshd.codeSecret ?? '');

  async function wrongCode(sshd: Sshd): Promise<string> {
    return String((Number(await codeOf(sshd)) + 1) % 1_000_000).padStart(6, '0');
  }

  /** The next question, after the one with `previousId`. */
  async function asked(connection: SshConnection, previousId = ''): Promise<LoginPrompt> {
    await eventually(
      () => connection.state.status === 'asking' && connection.state.prompt.id !== previousId,
      () => `another question, not ${JSON.stringify(connection.state)}`,
    );
    return (await stateOf(connection, 'asking')).prompt;
  }

  test('after the key, a one-time code is asked for, and the right one lets in', async () => {
    const sshd = await world.startSshd({ twoFactor: {} });
    const connection = world.connect(await world.settings(sshd));
    const prompt = await asked(connection);
    expect(prompt).toMatchObject({
      host: `${world.account.name}@127.0.0.1:${sshd.port}`,
      prompts: [CODE_PROMPT],
      isRepeated: false,
    });
    await expect(connection.run('true', { timeoutMs: 20_000 })).rejects.toThrow('only a person can give');
    expect(connection.answer('another', ['1'])).toBe('stale');
    expect(connection.answer(prompt.id, [])).toBe('miscounted');
    expect(connection.answer(prompt.id, [await codeOf(sshd)])).toBe('taken');
    expect(connection.answer(prompt.id, [await codeOf(sshd)])).toBe('stale');
    expect(await hello(connection)).toBe('hello\n');
  });

  test('a password and a code are two rounds, and a wrong answer is asked for again', async () => {
    const sshd = await world.startSshd({ twoFactor: { password: PASSWORD } });
    const { identityFile: _, ...settings } = await world.settings(sshd);
    const connection = world.connect(settings);
    const first = await asked(connection);
    expect(first.prompts).toEqual([{ text: 'Password:', isSecret: true }]);
    connection.answer(first.id, [PASSWORD]);
    const second = await asked(connection, first.id);
    expect(second).toMatchObject({ prompts: [CODE_PROMPT], isRepeated: false });
    connection.answer(second.id, [await wrongCode(sshd)]);
    const third = await asked(connection, second.id);
    expect(third).toMatchObject({ prompts: [{ text: 'Password:' }], isRepeated: true });
    connection.answer(third.id, [PASSWORD]);
    const fourth = await asked(connection, third.id);
    expect(fourth).toMatchObject({ prompts: [CODE_PROMPT], isRepeated: false });
    connection.answer(fourth.id, [await codeOf(sshd)]);
    expect(await hello(connection)).toBe('hello\n');
  });

  test('three wrong answers are enough: nothing more is tried, and the message says so', async () => {
    const sshd = await world.startSshd({ twoFactor: {} });
    const connection = world.connect(await world.settings(sshd));
    let previous = '';
    for (let round = 0; round < 3; round += 1) {
      const { id } = await asked(connection, previous);
      connection.answer(id, [await wrongCode(sshd)]);
      previous = id;
    }
    const message = await refusal(connection);
    expect(message).toContain('It did not accept the answers that were given, 3 times');
    expect(message).toContain('Nothing more is tried until you ask for it');
  });

  test("a server's own end of the conversation is quoted", async () => {
    const sshd = await world.startSshd({ twoFactor: {}, extraConfig: ['MaxAuthTries 1'] });
    const connection = world.connect(await world.settings(sshd));
    connection.answer((await asked(connection)).id, [await wrongCode(sshd)]);
    const message = await refusal(connection);
    expect(message).toContain('The server said: Too many authentication failures');
    expect(message).toContain('It did not accept the answers that were given, once');
  });

  test('where a plain password is wanted after the key, it is asked for in the words of OpenSSH', async () => {
    const sshd = await world.startSshd({
      twoFactor: { password: PASSWORD },
      extraConfig: [
        'PasswordAuthentication yes',
        'KbdInteractiveAuthentication no',
        'UsePAM no',
        'AuthenticationMethods publickey,password',
      ],
    });
    const connection = world.connect(await world.settings(sshd));
    const first = await asked(connection);
    expect(first.prompts).toEqual([
      { text: `${world.account.name}@127.0.0.1:${sshd.port}'s password:`, isSecret: true },
    ]);
    connection.answer(first.id, ['wrong']);
    const second = await asked(connection, first.id);
    expect(second.isRepeated).toBe(true);
    connection.answer(second.id, [PASSWORD]);
    expect(await hello(connection)).toBe('hello\n');
  });

  test('every hop may ask, and says which it is', async () => {
    const jump = await world.startSshd({ twoFactor: {} });
    const cluster = await world.startSshd({ twoFactor: {} });
    const knownHosts = await world.file('known_hosts', `${jump.knownHostsLine}\n${cluster.knownHostsLine}\n`);
    const settings = { ...(await world.settings(cluster)), knownHosts, proxyJump: `127.0.0.1:${jump.port}` };
    const connection = world.connect(settings);
    const first = await asked(connection);
    expect(first.host).toContain(`:${jump.port}`);
    connection.answer(first.id, [await codeOf(jump)]);
    const second = await asked(connection, first.id);
    expect(second.host).toContain(`:${cluster.port}`);
    connection.answer(second.id, [await codeOf(cluster)]);
    expect(await hello(connection)).toBe('hello\n');
  });

  test('nobody answers: the login is given up once, and begun again only when a person wants it', async () => {
    const sshd = await world.startSshd({ twoFactor: {}, extraConfig: ['LogLevel VERBOSE'] });
    const timing = { answerTimeoutMs: 500, askAgainMs: 0, connectTimeoutMs: 400 };
    const connection = world.connect(await world.settings(sshd), {}, { timing });
    await asked(connection);
    const message = await refusal(connection);
    expect(message).toContain('wants an answer from a person, and nobody gave one in time');
    await eventually(async () => (await sshd.log()).includes('Connection closed by'));
    expect((await sshd.log()).match(/Connection from/g)).toHaveLength(1);
    connection.connectNow();
    await asked(connection);
    await refusal(connection);
    expect((await sshd.log()).match(/Connection from/g)).toHaveLength(2);
  });

  test('the server ends the login before anybody answers: that is no reason to try again', async () => {
    const sshd = await world.startSshd({ twoFactor: {}, extraConfig: ['LoginGraceTime 1'] });
    const connection = world.connect(await world.settings(sshd));
    await asked(connection);
    expect(await refusal(connection)).toContain('nothing more is tried by itself');
  });

  test('once the connection is lost, a person has to log in again', async () => {
    const sshd = await world.startSshd({ twoFactor: {}, extraConfig: ['LogLevel VERBOSE'] });
    const timing = { steadyAfterMs: 0, quickRetryMs: 0, askAgainMs: 0 };
    const connection = world.connect(await world.settings(sshd), {}, { timing });
    connection.answer((await asked(connection)).id, [await codeOf(sshd)]);
    await stateOf(connection, 'online');
    await sshd.restart();
    expect(await refusal(connection)).toMatch(/the connection to .* was lost/);
    expect((await sshd.log()).match(/Connection from/g)).toHaveLength(1);
    connection.connectNow();
    connection.answer((await asked(connection)).id, [await codeOf(sshd)]);
    expect(await hello(connection)).toBe('hello\n');
  });

  test('answers are in no message of the log', async () => {
    const lines: string[] = [];
    const write = (values: object, message: string) => lines.push(message, inspect(values, { depth: 10 }));
    const sshd = await world.startSshd({ twoFactor: { password: PASSWORD } });
    const log = { info: write, warn: write, debug: write };
    const connection = world.connect(await world.settings(sshd), {}, { log });
    const { id } = await asked(connection);
    connection.answer(id, ['a wrong secret']);
    connection.answer((await asked(connection, id)).id, ['another secret']);
    await sshd.stop();
    await refusal(connection);
    expect(lines.join('\n')).not.toMatch(/secret/);
    expect(lines.length).toBeGreaterThan(0);
  });
});

describe('the SSH agent', () => {
  /** A real ssh-agent that holds these keys. */
  async function startAgent(keyFiles: readonly string[]): Promise<string> {
    const agentSocket = world.path('agent');
    const agent = spawn('ssh-agent', ['-D', '-a', agentSocket], { stdio: 'ignore' });
    const ended = new Promise((resolve) => agent.once('exit', resolve));
    world.onClose(() => {
      agent.kill();
      return ended;
    });
    const add = (file: string) =>
      execFileSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: agentSocket } });
    await eventually(() => {
      try {
        execFileSync('ssh-add', ['-l'], { env: { ...process.env, SSH_AUTH_SOCK: agentSocket }, stdio: 'ignore' });
        return true;
      } catch (error) {
        // 1: it answers that it holds no key; 2: it doesn't answer yet.
        return error instanceof Error && 'status' in error && error.status === 1;
      }
    });
    for (const file of keyFiles) add(file);
    return agentSocket;
  }

  async function wrongKeys(count: number): Promise<string[]> {
    const files = Array.from({ length: count }, (_, index) => world.path(`wrong-${index}`));
    for (const file of files) await createKey(file);
    return files;
  }

  test('logs in with the keys that it holds', async () => {
    const agentSocket = await startAgent([...(await wrongKeys(2)), world.keyFile]);
    const { identityFile: _, ...settings } = await world.settings(await world.startSshd());
    expect(await hello(world.connect(settings, { agentSocket }))).toBe('hello\n');
  });

  test.each(['ecdsa', 'rsa'])('signs with a key of type %s', async (type) => {
    const file = world.path(type);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file]);
    const agentSocket = await startAgent([file]);
    const sshd = await world.startSshd({ authorizedKeys: [await readFile(`${file}.pub`, 'utf8')] });
    const { identityFile: _, ...settings } = await world.settings(sshd);
    expect(await hello(world.connect(settings, { agentSocket }))).toBe('hello\n');
  });

  test('signs for a key that a file holds as well, which is offered once', async () => {
    const identityFile = (await wrongKeys(1))[0] ?? '';
    const agentSocket = await startAgent([identityFile]);
    const configFile = await world.file('config', `IdentityFile ${identityFile}`);
    const sshd = await world.startSshd({ extraConfig: ['LogLevel VERBOSE'] });
    const { identityFile: _, ...settings } = await world.settings(sshd);
    expect(await refusal(world.connect(settings, { agentSocket, configFile }))).toContain('of the agent');
    expect((await sshd.log()).match(/Failed publickey/g)).toHaveLength(1);
  });

  test('stands in for an encrypted identity file whose key it holds, and offers no other', async () => {
    const agentSocket = await startAgent([...(await wrongKeys(6)), world.keyFile]);
    const identityFile = world.path('encrypted');
    execFileSync('cp', [world.keyFile, identityFile]);
    execFileSync('cp', [`${world.keyFile}.pub`, `${identityFile}.pub`]);
    await chmod(identityFile, 0o600);
    execFileSync('ssh-keygen', ['-q', '-p', '-N', 'secret', '-f', identityFile]);
    const sshd = await world.startSshd({ extraConfig: ['LogLevel VERBOSE'] });
    expect(await hello(world.connect({ ...(await world.settings(sshd)), identityFile }, { agentSocket }))).toBe(
      'hello\n',
    );
    expect(await sshd.log()).not.toContain('Failed publickey');
  });

  test('has no more than 6 keys offered, and the message says that there are more', async () => {
    const agentSocket = await startAgent(await wrongKeys(8));
    const sshd = await world.startSshd({ extraConfig: ['MaxAuthTries 20', 'LogLevel VERBOSE'] });
    const { identityFile: _, ...settings } = await world.settings(sshd);
    const message = await refusal(world.connect(settings, { agentSocket }));
    expect(message).toContain('Not tried are 2 more: choose one with identity_file');
    expect((await sshd.log()).match(/Failed publickey/g)).toHaveLength(6);
  });

  test('that says nothing holds an attempt up to its deadline only, and is left then', async () => {
    const agentSocket = world.path('agent');
    let asking = 0;
    const agent = createServer((socket) => {
      asking += 1;
      socket.resume();
      socket.on('close', () => (asking -= 1));
    });
    await new Promise<void>((resolve) => agent.listen(agentSocket, resolve));
    world.onClose(() => new Promise((resolve) => agent.close(resolve)));
    const settings = await world.settings(await world.startSshd());
    const connection = world.connect(settings, { agentSocket }, { timing: { connectTimeoutMs: 300 } });
    const { message } = await stateOf(connection, 'unreachable');
    expect(message).toBe('the deadline of 300 ms passed while reading the keys and asking the SSH agent');
    await eventually(() => asking === 0);
  });

  test('that does not answer at its address is named, and files are tried', async () => {
    const agentSocket = join(world.directory, 'no-agent');
    const configFile = await world.file('config', `IdentityFile ${world.keyFile}`);
    const { identityFile: _, ...settings } = await world.settings(await world.startSshd());
    expect(await hello(world.connect(settings, { agentSocket, configFile }))).toBe('hello\n');
    const message = await refusal(world.connect(settings, { agentSocket }));
    expect(message).toContain(`the SSH agent at ${agentSocket} can't be used`);
  });
});

test('an alias of the OpenSSH configuration is all that is needed', async () => {
  const sshd = await world.startSshd();
  const configFile = await world.file(
    'config',
    `Host the-cluster
      HostName ${sshd.host}
      Port ${sshd.port}
      User ${world.account.name}
      IdentityFile "${world.keyFile}"
      HostKeyAlias of-the-cluster
      UserKnownHostsFile ${await world.file('known_hosts', `of-the-cluster ${sshd.hostPublicKey}\n`)}`,
  );
  expect(await hello(world.connect({ name: 'alpha', host: 'the-cluster' }, { configFile }))).toBe('hello\n');
});

test('an OpenSSH configuration that cannot be read is a fault that names the line', async () => {
  const configFile = await world.file('config', 'Host *\n  User "ada\n');
  expect(await refusal(world.connect(await world.settings(await world.startSshd()), { configFile }))).toContain(
    `${configFile}:2: a quotation isn't closed`,
  );
});

describe('jump hosts', () => {
  test('lead to the cluster, each with its own host key checked', async () => {
    const outer = await world.startSshd();
    const inner = await world.startSshd();
    const cluster = await world.startSshd();
    const settings = {
      ...(await world.settings(cluster)),
      proxyJump: `127.0.0.1:${outer.port},${world.account.name}@127.0.0.1:${inner.port}`,
    };
    const all = [outer, inner, cluster].map(({ knownHostsLine }) => `${knownHostsLine}\n`);
    const connection = world.connect({ ...settings, knownHosts: await world.file('known_hosts', all.join('')) });
    expect(await hello(connection)).toBe('hello\n');
    expect(await cluster.log()).toContain('Accepted publickey');

    for (const [index, sshd] of [outer, inner, cluster].entries()) {
      const knownHosts = await world.file('known_hosts', all.toSpliced(index, 1).join(''));
      const message = await refusal(world.connect({ ...settings, knownHosts }));
      expect(message).toContain(`the host key of ${world.account.name}@127.0.0.1:${sshd.port} is not known`);
    }
  });

  test('may be named by the OpenSSH configuration alone', async () => {
    const jump = await world.startSshd();
    const cluster = await world.startSshd();
    const knownHosts = await world.file('known_hosts', `${jump.knownHostsLine}\nlogin ${cluster.hostPublicKey}\n`);
    const configFile = await world.file(
      'config',
      `Host cluster
        HostName 127.0.0.1
        Port ${cluster.port}
        HostKeyAlias login
        ProxyJump jump
      Host jump
        HostName 127.0.0.1
        Port ${jump.port}
      Host *
        User ${world.account.name}
        IdentityFile ${world.keyFile}
        UserKnownHostsFile ${knownHosts}`,
    );
    expect(await hello(world.connect({ name: 'alpha', host: 'cluster' }, { configFile }))).toBe('hello\n');
    expect(await jump.log()).toContain('Accepted publickey');
  });

  test('that do not forward connections are told as such, and not asked again', async () => {
    const jump = await world.startSshd({ extraConfig: ['AllowTcpForwarding no'] });
    const cluster = await world.startSshd();
    const knownHosts = await world.file('known_hosts', `${jump.knownHostsLine}\n${cluster.knownHostsLine}\n`);
    const settings = { ...(await world.settings(cluster)), knownHosts, proxyJump: `127.0.0.1:${jump.port}` };
    expect(await refusal(world.connect(settings))).toContain(`127.0.0.1:${jump.port} doesn't forward connections`);
  });

  test('that cannot reach the cluster leave it unreachable', async () => {
    const jump = await world.startSshd();
    const cluster = await world.startSshd();
    const knownHosts = await world.file('known_hosts', `${jump.knownHostsLine}\n${cluster.knownHostsLine}\n`);
    await cluster.stop();
    const settings = { ...(await world.settings(cluster)), knownHosts, proxyJump: `127.0.0.1:${jump.port}` };
    const { message } = await stateOf(world.connect(settings), 'unreachable');
    expect(message).toContain(
      `can't reach 127.0.0.1 port ${cluster.port}: (SSH) Channel open failure: Connection refused`,
    );
  });

  test('end the connection with their own end', async () => {
    const jump = await world.startSshd();
    const cluster = await world.startSshd();
    const knownHosts = await world.file('known_hosts', `${jump.knownHostsLine}\n${cluster.knownHostsLine}\n`);
    const settings = { ...(await world.settings(cluster)), knownHosts, proxyJump: `127.0.0.1:${jump.port}` };
    const connection = world.connect(settings);
    expect(await hello(connection)).toBe('hello\n');
    const messages: string[] = [];
    connection.onStateChange((state) => {
      if ('message' in state) messages.push(state.message ?? '');
    });
    await jump.stop();
    await stateOf(connection, 'unreachable');
    expect(messages[0]).toMatch(/the connection to .* was lost/);
  });
});

test('Match exec never runs its command', async () => {
  const witness = join(world.directory, 'witness');
  const configFile = await world.file('config', `Match exec "touch ${witness}"\n  User eve\n`);
  expect(await hello(world.connect(await world.settings(await world.startSshd()), { configFile }))).toBe('hello\n');
  await expect(readFile(witness)).rejects.toThrow('ENOENT');
});
