import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SshEnvironment, SshSettings } from '../settings.ts';
import { resolveRoute } from './route.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ssh-route-'));
});
afterEach(() => rm(home, { recursive: true }));

async function route(config: string, settings: Partial<SshSettings> = {}, environment: Partial<SshEnvironment> = {}) {
  await writeFile(join(home, 'config'), config);
  return resolveRoute(
    { name: 'alpha', host: 'alpha', ...settings },
    { homeDirectory: home, userName: 'ada', configFile: join(home, 'config'), ...environment },
  );
}

async function cluster(...args: Parameters<typeof route>) {
  const hop = (await route(...args)).at(-1);
  if (hop === undefined) throw new Error('no hop');
  return hop;
}

const labels = async (...args: Parameters<typeof route>) => (await route(...args)).map(({ label }) => label);

test('without any configuration it is the local user on port 22, with the usual files', async () => {
  expect(await cluster('')).toMatchObject({
    host: 'alpha',
    port: 22,
    user: 'ada',
    label: 'ada@alpha',
    knownHostsFiles: [
      join(home, '.ssh/known_hosts'),
      join(home, '.ssh/known_hosts2'),
      '/etc/ssh/ssh_known_hosts',
      '/etc/ssh/ssh_known_hosts2',
    ],
    identities: {
      files: ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(home, '.ssh', name)),
      namedBy: 'default',
      only: false,
      agentSocket: undefined,
    },
  });
});

test('a host alias of the OpenSSH configuration is looked up there', async () => {
  const config = `Host alpha
    HostName login.%h.example.org
    Port 2222
    User bob
    IdentityFile ~/keys/%r@%n
    IdentitiesOnly yes
    IdentityAgent %d/agent
    UserKnownHostsFile ~/known one\\ more
    GlobalKnownHostsFile none
    HostKeyAlias the-cluster`;
  expect(await cluster(config)).toMatchObject({
    host: 'login.alpha.example.org',
    port: 2222,
    user: 'bob',
    label: 'bob@login.alpha.example.org:2222',
    hostKeyAlias: 'the-cluster',
    knownHostsFiles: [join(home, 'known'), 'one more'],
    identities: {
      files: [join(home, 'keys/bob@alpha')],
      namedBy: 'config',
      only: true,
      agentSocket: join(home, 'agent'),
    },
  });
});

test('the settings of clusters.yaml go before the OpenSSH configuration', async () => {
  const config = 'Port 1\nUser bob\nIdentityFile one\nUserKnownHostsFile two\nProxyJump bastion';
  const settings = { port: 2, user: 'eve', identityFile: '~/three', knownHosts: '~/four', proxyJump: 'none' };
  expect(await route(config, settings)).toMatchObject([
    {
      label: 'eve@alpha:2',
      knownHostsFiles: [join(home, 'four'), '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      identities: { files: [join(home, 'three')], namedBy: 'settings', only: true },
    },
  ]);
});

test.each([
  ['', '/run/agent'],
  ['IdentityAgent none', undefined],
  ['IdentityAgent SSH_AUTH_SOCK', '/run/agent'],
  ['IdentityAgent $SSH_AUTH_SOCK', '/run/agent'],
  ['IdentityAgent /run/other', '/run/other'],
])('%j: the agent is at %j', async (config, agentSocket) => {
  const hop = await cluster(config, {}, { agentSocket: '/run/agent' });
  expect(hop.identities.agentSocket).toBe(agentSocket);
});

describe('jump hosts', () => {
  test('are connected to in the order of the list', async () => {
    expect(await labels('', { proxyJump: 'bob@outer:2222, ssh://inner/,[fe80::1]:22,fe80::2' })).toEqual([
      'bob@outer:2222',
      'ada@inner',
      'ada@[fe80::1]',
      'ada@[fe80::2]',
      'ada@alpha',
    ]);
  });

  test('are looked up in the OpenSSH configuration, and may have jump hosts of their own', async () => {
    const config = `Host alpha
      ProxyJump inner
    Host inner
      HostName 10.0.0.2
      ProxyJump outer
    Host outer
      Port 2222`;
    expect(await labels(config)).toEqual(['ada@outer:2222', 'ada@10.0.0.2', 'ada@alpha']);
  });

  test('behind the first of a list are reached from one another, whatever their own ProxyJump', async () => {
    expect(await labels('Host inner\n ProxyJump elsewhere', { proxyJump: 'outer,inner' })).toEqual([
      'ada@outer',
      'ada@inner',
      'ada@alpha',
    ]);
  });

  test("get the cluster's user and key where the OpenSSH configuration names none", async () => {
    const config = 'Host known\n User bob\n IdentityFile ~/its-own';
    const settings = { user: 'eve', identityFile: '~/key', knownHosts: '~/known', proxyJump: 'known,plain' };
    expect(await route(config, settings)).toMatchObject([
      { label: 'bob@known', identities: { files: [join(home, 'its-own')], namedBy: 'config' } },
      { label: 'eve@plain', identities: { files: [join(home, 'key')], namedBy: 'settings' } },
      { label: 'eve@alpha' },
    ]);
  });

  test('that form a cycle are a fault', async () => {
    await expect(route('Host *\n ProxyJump bastion')).rejects.toThrow('form a cycle at ada@bastion');
  });
});

test.each([
  ['Port many', "config:1: many isn't a port"],
  ['Port 65536', "config:1: 65536 isn't a port"],
  ['ProxyJump bastion:x', "config:1: bastion:x isn't a jump host"],
  ['ProxyJump ,', "config:1:  isn't a jump host"],
  ['ProxyCommand nc %h %p', "config:1: ProxyCommand isn't supported. Use ProxyJump"],
  ['HostName %p.example', "config:1: %p in %p.example isn't supported"],
  [`IdentityFile \${SECRETS}/key`, `config:1: the variable in \${SECRETS}/key isn't supported`],
  ['Port "22', "config:1: a quotation isn't closed"],
])('%j is a fault that names its line', async (config, message) => {
  await expect(route(config)).rejects.toThrow(message);
});

test('ProxyCommand none is no proxy, and any is overruled by proxy_jump', async () => {
  expect(await labels('ProxyCommand none')).toEqual(['ada@alpha']);
  expect(await labels('Host alpha\n ProxyCommand nc %h %p', { proxyJump: 'bastion' })).toEqual([
    'ada@bastion',
    'ada@alpha',
  ]);
});

test('family and local address of the OpenSSH configuration are used', async () => {
  expect(await cluster('AddressFamily inet6\nBindAddress 10.0.0.9')).toMatchObject({
    family: 6,
    localAddress: '10.0.0.9',
  });
  expect(await cluster('AddressFamily any')).toMatchObject({ family: 0, localAddress: undefined });
});

test('no key is offered where PubkeyAuthentication says so', async () => {
  expect((await cluster('PubkeyAuthentication no')).identities).toMatchObject({ files: [], only: true });
});
