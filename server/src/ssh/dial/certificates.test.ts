import { execFileSync, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createKey } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SshConnection } from '../connection.ts';
import { SshInterrupted } from '../errors.ts';
import { eventually, SshWorld, stateOf, type WorldSshd } from '../testing.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

let world: SshWorld;
let authority: string;
beforeAll(async () => {
  world = await SshWorld.create();
  authority = world.path('authority');
  await createKey(authority);
});
afterAll(() => world.close());

const keygen = (...args: readonly string[]) => execFileSync('ssh-keygen', ['-q', ...args], { stdio: 'ignore' });
const hello = async (connection: SshConnection) => (await connection.run('echo hello', { timeoutMs: 20_000 })).stdout;
const refusal = async (connection: SshConnection) => (await stateOf(connection, 'refused')).message;

/** A key and its certificate beside it, as `key-cert.pub`. */
function certifiedKey(type = 'ed25519', ...options: readonly string[]): string {
  const path = world.path('certified');
  keygen('-t', type, '-N', '', '-C', '', '-f', path);
  keygen('-s', authority, '-I', 'of a test', '-n', world.account.name, ...options, `${path}.pub`);
  return path;
}

/** A server that knows no keys, and trusts an authority with all of them. */
function startTrusting(extraConfig: readonly string[] = []): Promise<WorldSshd> {
  return world.startSshd({ authorizedKeys: [], extraConfig: [`TrustedUserCAKeys ${authority}.pub`, ...extraConfig] });
}

async function startAgent(): Promise<{ readonly socket: string; add(file: string): void }> {
  const socket = world.path('agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  world.onClose(async () => void agent.kill());
  const environment = { env: { ...process.env, SSH_AUTH_SOCK: socket } };
  const isUp = () => {
    try {
      execFileSync('ssh-add', ['-l'], { ...environment, stdio: 'ignore' });
      return true;
    } catch (error) {
      // 1: it is there and holds nothing.
      return error instanceof Error && 'status' in error && error.status === 1;
    }
  };
  await eventually(isUp);
  return { socket, add: (file) => execFileSync('ssh-add', ['-q', file], { ...environment, stdio: 'ignore' }) };
}

describe('a login with a certificate', () => {
  test.each(['ed25519', 'ecdsa', 'rsa'])('works with one beside a key of type %s', async (type) => {
    const identityFile = certifiedKey(type);
    const sshd = await startTrusting(['LogLevel VERBOSE']);
    const connection = world.connect({ ...(await world.settings(sshd)), identityFile });
    expect(await hello(connection)).toBe('hello\n');
    expect(connection.lastAttempt.at(-1)?.found).toContain(`with the certificate ${identityFile}-cert.pub`);
    expect(await sshd.log()).toMatch(/Accepted publickey for .* ID of a test/);
  });

  test('that was renewed is tried again as the one that worked', async () => {
    const identityFile = certifiedKey();
    const certificate = `${identityFile}-cert.pub`;
    const timing = { steadyAfterMs: 0, quickRetryMs: 50, refusedRetryMs: 400 };
    const connection = world.connect(
      { ...(await world.settings(await startTrusting())), identityFile },
      {},
      { timing },
    );
    await stateOf(connection, 'online');
    await rm(certificate);
    await expect(connection.run('kill -KILL $PPID; sleep 5', { timeoutMs: 20_000 })).rejects.toThrow();
    await stateOf(connection, 'refused');
    keygen('-s', authority, '-I', 'renewed', '-n', world.account.name, `${identityFile}.pub`);
    await stateOf(connection, 'online');
  });

  test('works with one that the OpenSSH configuration names', async () => {
    const path = certifiedKey();
    const elsewhere = world.path('elsewhere.pub');
    execFileSync('mv', [`${path}-cert.pub`, elsewhere]);
    const { identityFile: _, ...settings } = await world.settings(await startTrusting());
    const configFile = await world.file('config', `IdentityFile ${path}\nCertificateFile ${elsewhere}\n`);
    expect(await hello(world.connect(settings, { configFile }))).toBe('hello\n');
  });

  test.each([
    ['beside its key', true],
    ['alone', false],
  ])('works with one that the agent holds %s', async (_how, isKeyListed) => {
    const path = certifiedKey();
    const agent = await startAgent();
    agent.add(path);
    if (!isKeyListed) {
      execFileSync('mv', [`${path}-cert.pub`, `${path}.kept`]);
      execFileSync('ssh-add', ['-q', '-d', path], { env: { ...process.env, SSH_AUTH_SOCK: agent.socket } });
    }
    await rm(`${path}-cert.pub`, { force: true });
    const { identityFile: _, ...settings } = await world.settings(await startTrusting());
    expect(await hello(world.connect(settings, { agentSocket: agent.socket }))).toBe('hello\n');
  });

  test('works with the key itself where the server does not trust the authority', async () => {
    const identityFile = certifiedKey();
    const [publicKey = ''] = execFileSync('ssh-keygen', ['-y', '-f', identityFile]).toString().split('\n');
    const sshd = await world.startSshd({ authorizedKeys: [publicKey] });
    expect(await hello(world.connect({ ...(await world.settings(sshd)), identityFile }))).toBe('hello\n');
  });

  test.each([
    [
      'has run out',
      ['-V', '20200101:20200102'],
      /the certificate .*-cert\.pub was valid until 2020-01-0\d.*: have it renewed/,
    ],
    ['is not valid yet', ['-V', '+52w:+60w'], /the certificate .*-cert\.pub is valid from \d+-.* on/],
    ['is one of a host', ['-h'], /the certificate .*-cert\.pub is one of a host/],
    ['names another user', ['-n', 'somebody'], /It was offered .* with the certificate .*-cert\.pub/],
  ])('is refused and told with one that %s', async (_what, options, said) => {
    const identityFile = certifiedKey('ed25519', ...options);
    expect(await refusal(world.connect({ ...(await world.settings(await startTrusting())), identityFile }))).toMatch(
      said,
    );
  });

  test('tells of a certificate whose key is not there, or that has been tampered with', async () => {
    const [one, two] = [certifiedKey(), certifiedKey()];
    const line = execFileSync('cat', [`${two}-cert.pub`])
      .toString()
      .split(' ');
    const bytes = Buffer.from(line[1] ?? '', 'base64');
    bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
    const tampered = await world.file('tampered', `${line[0]} ${bytes.toString('base64')}\n`);
    const identityFile = world.path('plain');
    await createKey(identityFile);
    const configFile = await world.file('config', `CertificateFile ${one}-cert.pub\nCertificateFile ${tampered}\n`);
    const message = await refusal(
      world.connect({ ...(await world.settings(await startTrusting())), identityFile }, { configFile }),
    );
    expect(message).toContain(`the certificate ${one}-cert.pub is for a key that is not there`);
    expect(message).toContain(`the certificate ${tampered} can't be used: its authority's signature is wrong`);
  });
});

describe('a host that is trusted by its certificate', () => {
  /** A server with a host key of this type and its certificate, for `names`. */
  async function startCertified(
    type = 'ed25519',
    options: readonly string[] = ['-n', '127.0.0.1'],
    signer = authority,
  ) {
    const hostKey = world.path('host_key');
    keygen('-t', type, '-N', '', '-C', '', '-f', hostKey);
    keygen('-s', signer, '-I', 'of a host', '-h', ...options, `${hostKey}.pub`);
    return world.startSshd({ hostKey, extraConfig: [`HostCertificate ${hostKey}-cert.pub`] });
  }

  /** Trusts the authority with hosts that match, and nothing else but these lines. */
  async function trusting(sshd: WorldSshd, hosts = '[127.0.0.*]:*', others: readonly string[] = []) {
    const [type, key] = execFileSync('cat', [`${authority}.pub`])
      .toString()
      .split(' ');
    const lines = [`@cert-authority ${hosts} ${type} ${key}`, ...others];
    return { ...(await world.settings(sshd)), knownHosts: await world.file('known_hosts', `${lines.join('\n')}\n`) };
  }

  test.each(['ed25519', 'ecdsa'])('is connected to, with a key of type %s', async (type) => {
    const sshd = await startCertified(type);
    const connection = world.connect(await trusting(sshd));
    expect(await hello(connection)).toBe('hello\n');
    expect(connection.lastAttempt.find(({ stage }) => stage === 'host-key')?.found).toContain('-cert-v01@openssh.com');
  });

  test('is connected to by its name alone, and stays so when the keys are exchanged anew', async () => {
    const sshd = await startCertified();
    await sshd.reconfigure((config) => `RekeyLimit 64K\n${config}`);
    const connection = world.connect(await trusting(sshd, '127.0.0.*'));
    const { stdout } = await connection.run('head -c 2000000 /dev/zero | tr "\\0" x', { timeoutMs: 20_000 });
    expect(stdout.length).toBe(2_000_000);
    expect(await hello(connection)).toBe('hello\n');
  });

  test('that exchanges keys without end has its connection given up, and what it cut short is no output', async () => {
    const sshd = await startCertified();
    await sshd.reconfigure((config) => `RekeyLimit 16K\n${config}`);
    const connection = world.connect(await trusting(sshd, '127.0.0.*'));
    const cut = connection.run('head -c 16000000 /dev/zero | tr "\\0" x', { timeoutMs: 60_000 });
    await expect(cut).rejects.toThrow(SshInterrupted);
    expect(await hello(connection)).toBe('hello\n');
  });

  test.each([
    ['is for another host', ['-n', 'login.example.org'], 'is for login.example.org'],
    ['names no host', [], 'names no host'],
    ['has run out', ['-n', '127.0.0.1', '-V', '20200101:20200102'], 'was valid until 2020-01-0'],
    ['is not valid yet', ['-n', '127.0.0.1', '-V', '+52w:+60w'], 'is valid from'],
    [
      'has an option that must be known',
      ['-n', '127.0.0.1', '-O', 'critical:x@y=z'],
      "has options that aren't known: x@y",
    ],
  ])('is refused before any login if its certificate %s', async (_what, options, said) => {
    const sshd = await startCertified('ed25519', options);
    const message = await refusal(world.connect(await trusting(sshd)));
    expect(message).toContain(
      `the host certificate of ${world.account.name}@127.0.0.1:${sshd.port} (of a host) ${said}`,
    );
    expect(await sshd.log()).not.toContain(world.account.name);
  });

  test('is refused if another authority signed it, unless its key is known', async () => {
    const other = world.path('other_authority');
    await createKey(other);
    const sshd = await startCertified('ed25519', ['-n', '127.0.0.1'], other);
    expect(await refusal(world.connect(await trusting(sshd)))).toContain(
      'which no @cert-authority line trusts with it',
    );
    expect(await hello(world.connect(await trusting(sshd, '*', [sshd.knownHostsLine])))).toBe('hello\n');
  });

  test('is refused if its authority or its key is revoked', async () => {
    const sshd = await startCertified();
    const revoked = async (line: string) => refusal(world.connect(await trusting(sshd, '*', [`@revoked * ${line}`])));
    const authorityKey = execFileSync('cat', [`${authority}.pub`])
      .toString()
      .trim();
    expect(await revoked(authorityKey)).toMatch(/is revoked by .*known_hosts:2/);
    expect(await revoked(sshd.hostPublicKey)).toMatch(/is revoked by .*known_hosts:2/);
    expect(await sshd.log()).not.toContain(world.account.name);
  });

  test('is told how to be known where it shows no certificate that can be used, and the advice works', async () => {
    const sshd = await world.startSshd();
    const settings = await trusting(sshd);
    const connection = world.connect(settings, {}, { timing: { askAgainMs: 0 } });
    const message = await refusal(connection);
    const [, path = '', line = ''] =
      /add this line to (\S+), as the host shows no certificate .*: (\[\S+ \S+ \S+)$/.exec(message) ?? [];
    expect(path).toBe(settings.knownHosts);
    execFileSync('tee', ['-a', path], { input: `${line}\n`, stdio: ['pipe', 'ignore', 'ignore'] });
    connection.connectNow();
    expect(await hello(connection)).toBe('hello\n');
  });
});
