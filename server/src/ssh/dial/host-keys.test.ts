import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkHostKey, fingerprint, hostKeyNames, keyType, parseKnownHosts, preferredAlgorithms } from './host-keys.ts';

/** A public key in wire form: its type, then something that stands for the key itself. */
function key(type: string, content = 'one'): Buffer {
  const parts = [type, content].map((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return Buffer.concat([length, Buffer.from(part)]);
  });
  return Buffer.concat(parts);
}

const line = (hosts: string, value: Buffer, marker = '') =>
  `${marker}${hosts} ${keyType(value)} ${value.toString('base64')} a comment`;

const hashed = (name: string) => {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
};

const check = (lines: readonly string[], host: string, port: number, presented: Buffer) =>
  checkHostKey(parseKnownHosts(lines.join('\n'), 'known_hosts'), hostKeyNames(host, port), presented);

const ed25519 = key('ssh-ed25519');
const ecdsa = key('ecdsa-sha2-nistp256');

describe('a host key is known', () => {
  test.each([
    ['by its plain name', 'login.example.org', 22],
    ['by its name in a list', 'other,login.example.org,10.0.0.7', 22],
    ['by a pattern', '*.example.org', 22],
    ['whatever the case', 'LOGIN.example.org', 22],
    ['by its hashed name', hashed('login.example.org'), 22],
    ['by its name and port', '[login.example.org]:2222', 2222],
    ['by its hashed name and port', hashed('[login.example.org]:2222'), 2222],
    ['by its name alone, on another port than 22', 'login.example.org', 2222],
  ])('%s', (_, hosts, port) => {
    expect(check([line(hosts, ed25519)], 'Login.example.org', port, ed25519)).toEqual({ verdict: 'known' });
  });

  test('if one of several lines for the host has it', () => {
    const lines = [line('a', key('ssh-ed25519', 'old')), line('a', ecdsa), line('a', ed25519)];
    expect(check(lines, 'a', 22, ed25519).verdict).toBe('known');
  });
});

describe('a host key is unknown', () => {
  test.each([
    ['if no line names the host', 'other.example.org', 22],
    ['if the port is another', '[login.example.org]:2222', 22],
    ['if the host is left out by a negation', '*.example.org,!login.example.org', 22],
    ['if the hash is of another name', hashed('other.example.org'), 22],
  ])('%s', (_, hosts, port) => {
    expect(check([line(hosts, ed25519)], 'login.example.org', port, ed25519).verdict).toBe('unknown');
  });

  test('if only keys of other types are known, which are named', () => {
    expect(check([line('a', ecdsa)], 'a', 22, ed25519)).toEqual({
      verdict: 'unknown',
      knownTypes: ['ecdsa-sha2-nistp256'],
    });
  });

  test('if only a certificate authority is trusted with the host, and it shows a key without a certificate', () => {
    expect(check([line('a', ed25519, '@cert-authority ')], 'a', 22, ed25519).verdict).toBe('unknown');
  });

  test('if the host on port 22 has another key: that says nothing about another port', () => {
    expect(check([line('a', ed25519)], 'a', 2222, key('ssh-ed25519', 'other')).verdict).toBe('unknown');
  });
});

test('a key other than the known one of the same type has changed; the line that holds the known one is named', () => {
  const other = key('ssh-ed25519', 'other');
  expect(check(['# a comment', '', line('a', ecdsa), line('a', ed25519)], 'a', 22, other)).toEqual({
    verdict: 'changed',
    at: 'known_hosts:4',
    knownFingerprint: fingerprint(ed25519),
  });
});

test('a revoked key is revoked, even if another line trusts it', () => {
  const lines = [line('a', ed25519), line('*', ed25519, '@revoked ')];
  expect(check(lines, 'a', 22, ed25519)).toEqual({ verdict: 'revoked', at: 'known_hosts:2' });
  expect(check(lines, 'a', 22, key('ssh-ed25519', 'other')).verdict).toBe('changed');
});

test('HostKeyAlias stands for host and port', () => {
  const entries = parseKnownHosts(line('the-cluster', ed25519), 'known_hosts');
  expect(checkHostKey(entries, hostKeyNames('10.0.0.7', 2222, 'The-Cluster'), ed25519).verdict).toBe('known');
});

test('the algorithms of known keys are offered first', () => {
  const entries = parseKnownHosts([line('a', key('ssh-rsa')), line('b', ecdsa)].join('\n'), 'known_hosts');
  expect(preferredAlgorithms(entries, hostKeyNames('a', 22)).algorithms.slice(0, 3)).toEqual([
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-ed25519',
  ]);
  expect(preferredAlgorithms(entries, hostKeyNames('b', 2222)).algorithms[0]).toBe('ecdsa-sha2-nistp256');
  expect(preferredAlgorithms(entries, hostKeyNames('c', 22)).algorithms[0]).toBe('ssh-ed25519');
});

test('a fingerprint is the one that ssh-keygen -l prints', () => {
  const blob = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
  expect(fingerprint(Buffer.from(blob, 'base64'))).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
});

test('whatever a file holds, reading it throws nothing, and no key becomes known that does not stand in it', () => {
  const word = fc.oneof(
    fc.constantFrom('@revoked', '@cert-authority', '*', 'a', '|1|x|y', '|1', 'ssh-ed25519', '#', ''),
    fc.constant(ecdsa.toString('base64')),
    fc.string(),
  );
  const file = fc
    .array(fc.array(word, { maxLength: 6 }).map((words) => words.join(' ')))
    .map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(file, (text) => {
      const entries = parseKnownHosts(text, 'known_hosts');
      expect(checkHostKey(entries, hostKeyNames('a', 22), ed25519).verdict).not.toBe('known');
    }),
  );
});

test('what is added for a host is found for it, plain or hashed, among whatever else', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/);
  fc.assert(
    fc.property(
      name,
      fc.integer({ min: 1, max: 65_535 }),
      fc.boolean(),
      fc.array(name),
      (host, port, isHashed, others) => {
        const { name: lookedUp } = hostKeyNames(host, port);
        const text = [
          ...others.map((other) => line(other, ecdsa)),
          line(isHashed ? hashed(lookedUp) : lookedUp, ed25519),
        ];
        expect(check(text, host, port, ed25519).verdict).toBe('known');
      },
    ),
  );
});
