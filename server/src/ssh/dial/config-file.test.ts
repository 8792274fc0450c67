import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig, parseConfig } from './config-file.ts';
import { DialFailure } from './failure.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ssh-config-'));
});
afterEach(() => rm(home, { recursive: true }));

const parse = (text: string) => parseConfig(text, 'config').map(({ keyword, values }) => [keyword, ...values]);

test('a line is a keyword and values, with blanks or an equals sign between', () => {
  expect(parse('Host a b\n  Port=22\r\n\tUser = ada  \nHostName\tlogin')).toEqual([
    ['host', 'a', 'b'],
    ['port', '22'],
    ['user', 'ada'],
    ['hostname', 'login'],
  ]);
});

test('comments and empty lines say nothing, also behind a value', () => {
  expect(parse('# Host a\n\n   \nPort 22 # not 2222\nIdentityFile ~/key#2')).toEqual([
    ['port', '22'],
    ['identityfile', '~/key#2'],
  ]);
});

test('quotes hold blanks and comments together', () => {
  expect(
    parse(`IdentityFile "/my keys/a # b"\nUser 'ada "the" first'\nIdentityFile /my\\ keys/c\nHostName "a\\"b"`),
  ).toEqual([
    ['identityfile', '/my keys/a # b'],
    ['user', 'ada "the" first'],
    ['identityfile', '/my keys/c'],
    ['hostname', 'a"b'],
  ]);
});

test.each([
  ['Host "a', "config:2: a quotation isn't closed"],
  ['Port', 'config:2: expected a keyword and its value'],
  ['= 22', 'config:2: expected a keyword and its value'],
])('%j is a fault that names its file and line', (line, message) => {
  expect(() => parseConfig(`User ada\n${line}\nPort 22`, 'config')).toThrow(message);
});

test('no text makes it throw anything but a failure for a person', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'Host', ' ', '"', "'", '\\', '#', '=', '\n', '\r', '\t') });
  fc.assert(
    fc.property(text, (config) => {
      try {
        parseConfig(config, 'config');
      } catch (error) {
        expect(error).toBeInstanceOf(DialFailure);
      }
    }),
  );
});

test('a file that does not exist is empty', async () => {
  expect(await loadConfig(join(home, 'config'), home)).toEqual([]);
});

test('a file that cannot be read is named', async () => {
  await expect(loadConfig(home, home)).rejects.toThrow(`the OpenSSH configuration ${home} can't be read`);
});

test('Include takes in files by pattern and in order, relative to the directory of the main file', async () => {
  await writeFile(join(home, 'config'), 'Include part-* ~/extra missing');
  await writeFile(join(home, 'part-2'), 'User second');
  await writeFile(join(home, 'part-1'), 'User first');
  await writeFile(join(home, 'extra'), 'Port 2222');
  const [include] = await loadConfig(join(home, 'config'), home);
  expect(include?.included?.map((file) => file.map(({ values }) => values))).toEqual([
    [['first']],
    [['second']],
    [['2222']],
  ]);
});

test('files that include each other are a fault', async () => {
  await writeFile(join(home, 'config'), 'Include config');
  await expect(loadConfig(join(home, 'config'), home)).rejects.toThrow('the Include lines form a cycle');
});
