import { describe, expect, test } from 'vitest';
import { parseConfig } from './config-file.ts';
import { configFor } from './config-rules.ts';
import { explainedBy, notFollowed } from './not-followed.ts';

/** What the configuration says of a host, for the local user ada. */
function valuesFor(host: string, text: string, user?: string) {
  const config = configFor(host, [parseConfig(text, 'config')], 'ada', user);
  return (keyword: string) => config.get(keyword)?.values[0];
}

test('the first value that applies wins', () => {
  const value = valuesFor('alpha', 'Host alpha\n Port 1\nHost *\n Port 2\n User bob\nHost alpha\n User eve');
  expect([value('port'), value('user')]).toEqual(['1', 'bob']);
});

test('what stands before any Host applies to all', () => {
  expect(valuesFor('beta', 'Port 1\nHost alpha\n Port 2')('port')).toBe('1');
});

test('a Host line may hold several patterns and leave hosts out', () => {
  const text = 'Host *.example !b.example\n Port 1';
  expect(valuesFor('a.example', text)('port')).toBe('1');
  expect(valuesFor('b.example', text)('port')).toBeUndefined();
});

test('every IdentityFile that applies counts', () => {
  const text = 'Host a\n IdentityFile one\nHost b\n IdentityFile two\nHost *\n IdentityFile three';
  const config = configFor('a', [parseConfig(text, 'config')], 'ada', undefined);
  expect(config.identityFiles.map(({ values }) => values[0])).toEqual(['one', 'three']);
});

test.each([
  ['Match all', true],
  ['Match host login.example', true],
  ['Match host alpha', false],
  ['Match originalhost alpha', true],
  ['Match user bob', true],
  ['Match user ada', false],
  ['Match localuser ada', true],
  ['Match originalhost alpha user eve', false],
  ['Match !user eve', true],
  ['Match !originalhost alpha', false],
  ['Match host "*.example,!login.example"', false],
  ['Match host=login.example user=bob', true],
  ['Match final all', true],
  ['Match final host alpha', false],
  ['Match !final all', true],
  ['Match tagged lab', true],
  ['Match tagged home', false],
])('%s applies: %j', (line, applies) => {
  const value = valuesFor('alpha', `Host alpha\n HostName login.example\n User bob\n Tag lab\n${line}\n Port 1`);
  expect(value('port')).toBe(applies ? '1' : undefined);
});

test('whom to log in as, where it is settled already, goes before the User of the file', () => {
  expect(valuesFor('alpha', 'User bob\nMatch user eve\n Port 1', 'eve')('port')).toBe('1');
});

test.each(['exec "touch /tmp/never"', '!exec true', 'canonical', 'localnetwork 10.0.0.0/8', 'somethingnew y'])(
  'a block for %s never applies, negated or not',
  (criterion) => {
    expect(
      valuesFor('alpha', `Match ${criterion}\n Port 1\nMatch originalhost alpha ${criterion}\n Port 2`)('port'),
    ).toBe(undefined);
  },
);

test('an included file applies where its Include does, and its Host lines end with it', () => {
  const included = [parseConfig('Host other\n Port 1', 'part'), parseConfig('User bob', 'part')];
  const include = { keyword: 'include', values: ['part*'], at: 'config:2', included };
  const main = [...parseConfig('Host alpha', 'config'), include, ...parseConfig('HostName login', 'config')];
  const value = (host: string, keyword: string) => configFor(host, [main], 'ada', undefined).get(keyword)?.values[0];
  expect([value('alpha', 'user'), value('alpha', 'hostname'), value('alpha', 'port')]).toEqual([
    'bob',
    'login',
    undefined,
  ]);
  expect([value('other', 'user'), value('other', 'port')]).toEqual([undefined, undefined]);
});

test('of ProxyJump and ProxyCommand, the first wins', () => {
  const command = valuesFor('alpha', 'ProxyCommand none\nProxyJump bastion');
  expect([command('proxycommand'), command('proxyjump')]).toEqual(['none', undefined]);
  const jump = valuesFor('alpha', 'ProxyJump bastion\nProxyCommand nc %h %p');
  expect([jump('proxycommand'), jump('proxyjump')]).toEqual([undefined, 'bastion']);
});

describe('what a Match block leaves out that cannot be judged', () => {
  const unjudged = (text: string) => configFor('alpha', [parseConfig(text, 'config')], 'ada', undefined).unjudged;

  test('is told with its line and its keywords', () => {
    expect(
      unjudged('Match exec "nc -z bastion 22"\n ProxyJump bastion\n Port 1\n SendEnv LANG\nHost *\n User bob'),
    ).toEqual([`config:1: "Match exec" isn't judged here, so ProxyJump, Port below it is left out`]);
    expect(unjudged('Match originalhost alpha !exec=true\n User bob')).toEqual([
      `config:1: "Match exec" isn't judged here, so User below it is left out`,
    ]);
  });

  test('is not told where it is of no account, or the block is of another host', () => {
    expect(unjudged('Match exec true\n SendEnv LANG\n ForwardAgent yes')).toEqual([]);
    expect(unjudged('Match host beta exec true\n Port 1')).toEqual([]);
    expect(unjudged('Match exec true host beta\n Port 1')).toEqual([]);
  });

  test('is told once, though "final" has it read twice', () => {
    expect(unjudged('Match exec true\n Port 1\nMatch final all\n User bob')).toHaveLength(1);
  });

  test('is told of included files, too', () => {
    const included = [parseConfig('HostName elsewhere', 'part')];
    const include = { keyword: 'include', values: ['part'], at: 'config:2', included };
    const main = [...parseConfig('Match exec true', 'config'), include];
    expect(configFor('alpha', [main], 'ada', undefined).unjudged).toEqual([
      `config:1: "Match exec" isn't judged here, so HostName below it is left out`,
    ]);
  });
});

describe('what is not followed', () => {
  const told = (text: string) => notFollowed(configFor('alpha', [parseConfig(text, 'config')], 'ada', undefined));

  test.each([
    ['CanonicalizeHostname yes', 'always'],
    ['KnownHostsCommand /usr/bin/keys', 'always'],
    ['BindInterface eth1', 'always'],
    ['KexAlgorithms +diffie-hellman-group1-sha1', 'handshake'],
    ['VerifyHostKeyDNS yes', 'host-key'],
    ['StrictHostKeyChecking accept-new', 'host-key'],
    ['GSSAPIAuthentication yes', 'login'],
    ['PreferredAuthentications password', 'login'],
  ])('is told where it matters: %s, %s', (line, concern) => {
    const [keyword] = line.split(' ');
    expect(told(line)).toEqual([{ concern, text: `config:1: ${keyword} isn't followed here` }]);
  });

  test.each([
    'CanonicalizeHostname no',
    'KnownHostsCommand none',
    'StrictHostKeyChecking yes',
    'GSSAPIAuthentication no',
    'ForwardAgent yes',
    'ServerAliveInterval 60',
    'HostName login',
  ])('is not told where it changes nothing: %s', (line) => {
    expect(told(line)).toEqual([]);
  });

  test('ends a message with what may explain it', () => {
    const found = told('GSSAPIAuthentication yes\nMatch exec true\n Port 1');
    expect(explainedBy(found)).toBe(
      ` Of the OpenSSH configuration, config:2: "Match exec" isn't judged here, so Port below it is left out.`,
    );
    expect(explainedBy(found, 'login')).toContain("; config:1: GSSAPIAuthentication isn't followed here.");
    expect(explainedBy([])).toBe('');
  });
});
