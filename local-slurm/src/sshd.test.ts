import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Account, createAccount, removeAccount } from './account.ts';
import { createKey } from './keys.ts';
import { ensurePackages } from './packages.ts';
import { oneTimeCode } from './pam.ts';
import { listProcesses } from './processes.ts';
import { run } from './run.ts';
import { type Sshd, startSshd } from './sshd.ts';

let directory: string;
let account: Account;
let publicKey: string;

beforeAll(async () => {
  await ensurePackages(['openssh-server', 'openssh-client']);
  directory = await mkdtemp(join(tmpdir(), 'slurmql-'));
  account = await createAccount({ directory });
  publicKey = await createKey(join(directory, 'key'));
});
afterAll(async () => {
  await removeAccount(account);
  await rm(directory, { recursive: true });
});

async function login(sshd: Sshd, command: string, environment?: Readonly<Record<string, string>>): Promise<string> {
  const knownHosts = join(directory, `known_hosts.${sshd.port}`);
  await writeFile(knownHosts, `${sshd.knownHostsLine}\n`);
  const batch = environment === undefined ? 'yes' : 'no';
  const options = ['-F', 'none', '-o', `BatchMode=${batch}`, '-o', `UserKnownHostsFile=${knownHosts}`];
  const target = ['-i', join(directory, 'key'), '-p', String(sshd.port), `${account.name}@${sshd.host}`, command];
  return run('ssh', [...options, ...target], environment === undefined ? {} : { environment });
}

test('the account logs in with its key, and finds home and environment', async () => {
  const sshd = await startSshd({
    directory: join(directory, 'plain'),
    user: account.name,
    authorizedKeys: [publicKey],
    environment: { GREETING: 'good morning', NAME: 'x' },
  });
  expect(await login(sshd, 'id -un; pwd; echo "$GREETING $NAME"')).toBe(
    `${account.name}\n${account.home}\ngood morning x\n`,
  );
  await sshd.stop();
  await expect(login(sshd, 'true')).rejects.toThrow('Connection refused');
});

test('lines of its own win, a host key can be given, and Match blocks stay last', async () => {
  const hostKey = join(directory, 'host_key_of_mine');
  const hostPublicKey = await createKey(hostKey);
  const sshd = await startSshd({
    directory: join(directory, 'special'),
    user: account.name,
    authorizedKeys: [publicKey],
    hostKey,
    extraConfig: ['PubkeyAuthentication no', 'Match LocalPort 1', 'PubkeyAuthentication yes'],
  });
  expect(sshd.hostPublicKey).toBe(hostPublicKey);
  await expect(login(sshd, 'true')).rejects.toThrow('Permission denied');
  await sshd.stop();
});

test('a restart ends the sessions and keeps the port', async () => {
  const sshd = await startSshd({
    directory: join(directory, 'again'),
    user: account.name,
    authorizedKeys: [publicKey],
  });
  const session = login(sshd, 'echo here; sleep 1000');
  const cut = expect(session).rejects.toThrow();
  const sleeps = () => listProcesses().some(({ uid }) => uid === account.uid);
  await expect.poll(sleeps, { timeout: 30_000 }).toBe(true);
  await sshd.restart();
  await cut;
  expect(await login(sshd, 'echo back')).toBe('back\n');
  await sshd.stop();
  expect(sshd.pid).toBeUndefined();
});

test('a configuration that sshd refuses is told with its last lines', async () => {
  const start = startSshd({
    directory: join(directory, 'broken'),
    user: account.name,
    authorizedKeys: [],
    extraConfig: ['Nonsense yes'],
  });
  await expect(start).rejects.toThrow(/^sshd ended while it started.*Bad configuration option: Nonsense/s);
});

describe('a login with a second factor', () => {
  /** Answers what it is asked, as a person at OpenSSH would. */
  async function answering(sshd: Sshd, code: string, password = 'none'): Promise<string> {
    const askpass = join(directory, `askpass.${sshd.port}`);
    const script = `#!/bin/sh\ncase "$1" in *assword*) echo '${password}';; *) echo '${code}';; esac\n`;
    await writeFile(askpass, script, { mode: 0o755 });
    return login(sshd, 'echo "in, $NAME"', {
      SSH_ASKPASS: askpass,
      SSH_ASKPASS_REQUIRE: 'force',
    });
  }
  const services = async () => (await readdir('/etc/pam.d')).filter((name) => name.startsWith(account.name));

  test.each([
    ['after the key', undefined],
    ['after the password', 'correct horse'],
  ])('%s', async (name, password) => {
    const sshd = await startSshd({
      directory: join(directory, name.replaceAll(' ', '-')),
      user: account.name,
      authorizedKeys: password === undefined ? [publicKey] : [],
      environment: { NAME: 'x' },
      twoFactor: password === undefined ? {} : { password },
    });
    const code = await oneTimeCode(sshd.codeSecret ?? '');
    expect(await answering(sshd, code, password)).toBe('in, x\n');
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
    await expect(answering(sshd, wrong, password)).rejects.toThrow(/Permission denied|Too many/);
    expect(await services()).toHaveLength(1);
    await sshd.stop();
    expect(await services()).toEqual([]);
    await sshd.start();
    expect(await answering(sshd, await oneTimeCode(sshd.codeSecret ?? ''), password)).toBe('in, x\n');
    await sshd.stop();
  });

  test('leaves nothing in /etc/pam.d once the account is removed, though it was never stopped', async () => {
    const other = await createAccount({ directory: join(directory, 'other') });
    const sshd = await startSshd({
      directory: join(directory, 'never-stopped'),
      user: other.name,
      authorizedKeys: [],
      twoFactor: {},
    });
    await removeAccount(other);
    expect((await readdir('/etc/pam.d')).filter((name) => name.startsWith(other.name))).toEqual([]);
    await sshd.stop();
  });
});
