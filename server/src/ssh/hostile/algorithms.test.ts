import type { Algorithms } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WireReader } from '../dial/wire.ts';
import { eventually, SshWorld, stateOf } from '../testing.ts';
import { letIn, startHostileSshd, startRawServer } from './testing.ts';

// What a server may choose of is what it can have this side compute.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

let world: SshWorld;
beforeAll(async () => {
  world = await SshWorld.create();
});
afterAll(() => world.close());

/** The name lists of the first message that is sent to a server (RFC 4253, section 7.1). */
async function offeredLists(): Promise<readonly string[]> {
  let received = Buffer.alloc(0);
  const server = await startRawServer(world, (socket) => {
    socket.write('SSH-2.0-any\r\n');
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
    });
  });
  const connection = world.connect(await server.settings());
  const packet = () => received.subarray(received.indexOf('\r\n') + 2);
  await eventually(() => packet().length > 4 && packet().length >= 4 + packet().readUInt32BE(0));
  await connection.stop();
  const reader = new WireReader(packet().subarray(5));
  expect(reader.byte()).toBe(20);
  reader.skip(16);
  return Array.from({ length: 10 }, () => reader.text());
}

test('nothing is offered that lets a server choose the size of a computation', async () => {
  const ciphers =
    'aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,chacha20-poly1305@openssh.com';
  const macs =
    'hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,' +
    'hmac-sha2-256,hmac-sha2-512,hmac-sha1';
  expect(await offeredLists()).toEqual([
    'curve25519-sha256@libssh.org,curve25519-sha256,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,' +
      'diffie-hellman-group14-sha256,diffie-hellman-group15-sha512,diffie-hellman-group16-sha512,' +
      'diffie-hellman-group17-sha512,diffie-hellman-group18-sha512,ext-info-c,kex-strict-c-v00@openssh.com',
    'ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256',
    ciphers,
    ciphers,
    macs,
    macs,
    'none',
    'none',
    '',
    '',
  ]);
});

describe('a server is not connected to, and the administrators are told what to allow, if it', () => {
  const servers: Readonly<Record<string, readonly [Algorithms, string]>> = {
    'compresses from the start': [{ compress: ['zlib'] }, 'Compression in sshd_config'],
    'compresses after the login': [{ compress: ['zlib@openssh.com'] }, 'Compression in sshd_config'],
    'names primes of its own': [{ kex: ['diffie-hellman-group-exchange-sha256'] }, 'KexAlgorithms in sshd_config'],
    'names primes of its own, with SHA-1': [
      { kex: ['diffie-hellman-group-exchange-sha1'] },
      'KexAlgorithms in sshd_config',
    ],
    'exchanges keys in a group of 1,024 bits': [
      { kex: ['diffie-hellman-group1-sha1'] },
      'KexAlgorithms in sshd_config',
    ],
    'encrypts in CBC alone': [{ cipher: ['aes256-cbc'] }, 'Ciphers in sshd_config'],
    'authenticates by MD5': [{ cipher: ['aes256-ctr'], hmac: ['hmac-md5'] }, 'MACs in sshd_config'],
  };
  test.each(Object.entries(servers))('%s', async (_, [algorithms, words]) => {
    const hostile = await startHostileSshd(world, letIn, algorithms);
    const { message } = await stateOf(world.connect(await hostile.settings()), 'unreachable');
    expect(message).toContain(`@127.0.0.1:`);
    expect(message).toContain('that is offered to it');
    expect(message).toContain(words);
  });
});

describe('a server is connected to if it has nothing but', () => {
  const servers: Readonly<Record<string, Algorithms>> = {
    'what OpenSSH 6.5 and Dropbear 2013.62 prefer': {
      kex: ['curve25519-sha256@libssh.org'],
      cipher: ['aes128-ctr'],
      hmac: ['hmac-sha1'],
    },
    'what OpenSSH 5.7 has': { kex: ['ecdh-sha2-nistp256'], cipher: ['aes128-ctr'], hmac: ['hmac-sha1'] },
    'what FIPS 140 allows': { kex: ['ecdh-sha2-nistp521'], cipher: ['aes256-gcm@openssh.com'] },
    'a named group of 2,048 bits': { kex: ['diffie-hellman-group14-sha256'], hmac: ['hmac-sha2-256'] },
    'a named group of 8,192 bits': { kex: ['diffie-hellman-group18-sha512'] },
    'compression beside none': { compress: ['zlib@openssh.com', 'zlib', 'none'] },
  };
  test.each(Object.entries(servers))('%s', async (_, algorithms) => {
    const server = await startHostileSshd(world, letIn, algorithms);
    await stateOf(world.connect(await server.settings()), 'online');
  });
});
