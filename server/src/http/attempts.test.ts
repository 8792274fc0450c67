import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Authenticator } from '../auth/index.ts';
import { createLogger, Metrics } from '../telemetry/index.ts';
import { Attempts } from './attempts.ts';
import { ClientAddresses } from './client-address.ts';

const TOKEN = 'a-token-for-tests-only';
const LONG_TOKEN = 'a-token-for-tests-only-and-longer';
const SILENT = createLogger({ level: 'silent', format: 'json' });
let attempts: Attempts;
let authenticator: Authenticator;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  await begin(TOKEN);
});

async function begin(token: string): Promise<void> {
  const store = { secret: async () => 'a secret', ended: async () => [], end: async () => undefined };
  authenticator = await Authenticator.open(token, store);
  attempts = new Attempts(authenticator, new ClientAddresses([]), SILENT, new Metrics('1.2.3'));
}
afterEach(() => void vi.useRealTimers());

const sent = (token: string, from: string) =>
  attempts.judge({ headers: {}, socket: { remoteAddress: from } } as IncomingMessage, token);
/** The address of a network of its own. */
const address = (number: number) =>
  `2001:db8:${Math.floor(number / 65_536).toString(16)}:${(number % 65_536).toString(16)}::1`;
/** How many of so many wrong ones from each address were looked at. */
function heard(addresses: readonly string[], each: number): number {
  let count = 0;
  for (let times = 0; times < each; times += 1) {
    for (const from of addresses) if (sent('wrong', from) === 'wrong') count += 1;
  }
  return count;
}

it('an address may send some wrong ones, and more with the time', () => {
  expect(heard(['192.0.2.1'], 1000)).toBe(30);
  expect(sent(TOKEN, '192.0.2.1')).toBe('slowed');
  vi.advanceTimersByTime(5_000);
  expect(heard(['192.0.2.1'], 1000)).toBe(1);
  vi.advanceTimersByTime(5_000);
  expect(sent(TOKEN, '192.0.2.1')).toBe('right');
});

it('a right token that nobody can guess is heard however many wrong ones came before', async () => {
  await begin(LONG_TOKEN);
  expect(heard(['192.0.2.1'], 1000)).toBe(30);
  expect(sent(LONG_TOKEN, '192.0.2.1')).toBe('right');
  expect(sent('wrong', '192.0.2.1')).toBe('slowed');
});

it('a right session is heard however many wrong ones came before, and a wrong one is a guess', () => {
  const { cookie, key } = authenticator.sessions.open(new Date());
  const ask = (key: string) => {
    const headers = { host: 'localhost', cookie: `slurmql_session_80=${cookie}`, 'x-slurmql-session': key };
    const socket = { remoteAddress: '192.0.2.1', localPort: 80 };
    return attempts.authenticate({ headers, socket } as unknown as IncomingMessage).kind;
  };
  const kinds = Array.from({ length: 100 }, () => ask(`${key}x`));
  expect(kinds.filter((kind) => kind === 'anonymous')).toHaveLength(30);
  expect(sent(TOKEN, '192.0.2.1')).toBe('slowed');
  expect(ask(key)).toBe('viewer');
});

it.each<[string, (own: string, other: string) => readonly string[]]>([
  ['nothing of this server', (own) => ['x', own]],
  ['something like a session', (own) => ['a.1.2.b', own]],
  ['another session of this server', (own, other) => [other, own]],
  ['several, before and after', (own, other) => ['x', other, own, 'y']],
  ['the same session', (own) => [own, own]],
])('a session is heard though the browser has cookies of its name with %s', (_what, cookies) => {
  const { cookie, key } = authenticator.sessions.open(new Date());
  const other = authenticator.sessions.open(new Date()).cookie;
  const ask = (all: readonly string[]) => {
    const headers = {
      host: 'localhost',
      cookie: all.map((value) => `slurmql_session_80=${value}`).join('; '),
      'x-slurmql-session': key,
    };
    const socket = { remoteAddress: '192.0.2.1', localPort: 80 };
    return attempts.authenticate({ headers, socket } as unknown as IncomingMessage).kind;
  };
  for (let count = 0; count < 100; count += 1) expect(ask(cookies(cookie, other))).toBe('viewer');
  expect(ask(cookies('x', other))).toBe('anonymous');
  expect(sent('wrong', '192.0.2.1')).toBe('wrong');
});

it('addresses of one IPv6 network count as one', () => {
  expect(
    heard(
      Array.from({ length: 1000 }, (_, number) => `2001:db8::${number.toString(16)}`),
      3,
    ),
  ).toBe(30);
});

it('an address that has shown a right one is never refused for its neighbours, nor for all others', () => {
  expect(sent(TOKEN, '192.0.2.1')).toBe('right');
  expect(heard(['192.0.2.1'], 1000)).toBe(29);
  heard(
    Array.from({ length: 10_000 }, (_, number) => address(number)),
    2,
  );
  expect(sent(TOKEN, '192.0.2.1')).toBe('right');
  expect(sent('wrong', '192.0.2.1')).toBe('slowed');
});

it('many addresses together may send little, while one that is new may still sign in', () => {
  const many = Array.from({ length: 1000 }, (_, number) => address(number));
  // The first of each, and not even three hundred more.
  expect(heard(many, 20)).toBeLessThanOrEqual(1300);
  expect(sent(TOKEN, '192.0.2.1')).toBe('right');
});

it('any number of addresses costs little memory, and after some time all of them may try again', () => {
  const many = Array.from({ length: 100_000 }, (_, number) => address(number));
  expect(heard(many, 1)).toBe(5_000);
  expect(sent(TOKEN, '192.0.2.1')).toBe('slowed');
  vi.advanceTimersByTime(150_000);
  expect(sent(TOKEN, '192.0.2.1')).toBe('right');
});
