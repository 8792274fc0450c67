import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Account, createAccount, removeAccount } from './account.ts';
import { createKey } from './keys.ts';
import { ensurePackages } from './packages.ts';
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

async function login(sshd: Sshd, command: string): Promise<string> {
  const knownHosts = join(directory, `known_hosts.${sshd.port}`);
  await writeFile(knownHosts, `${sshd.knownHostsLine}\n`);
  const options = ['-F', 'none', '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${knownHosts}`];
  return run('ssh', [
    ...options,
    ...['-i', join(directory, 'key'), '-p', String(sshd.port), `${account.name}@${sshd.host}`, command],
  ]);
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
  await expect.poll(sleeps, { timeout: 10_000 }).toBe(true);
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
