import { expect, test } from 'vitest';
import { parseConfig } from './config-file.ts';
import { configFor } from './config-rules.ts';

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
])('%s applies: %j', (line, applies) => {
  const value = valuesFor('alpha', `Host alpha\n HostName login.example\n User bob\n${line}\n Port 1`);
  expect(value('port')).toBe(applies ? '1' : undefined);
});

test('whom to log in as, where it is settled already, goes before the User of the file', () => {
  expect(valuesFor('alpha', 'User bob\nMatch user eve\n Port 1', 'eve')('port')).toBe('1');
});

test.each(['exec "touch /tmp/never"', '!exec true', 'final', 'canonical', 'tagged x', 'somethingnew y'])(
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
