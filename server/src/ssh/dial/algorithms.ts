import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2';

/**
 * What this side offers a server besides host keys, the preferred ones first. All that is left out, ssh2 would offer of
 * itself or could: what the server chooses of it costs this side more than it can bound.
 *
 * - No compression: ssh2 (1.17) inflates a message to any size at once.
 * - Key exchanges with fixed groups alone. With `diffie-hellman-group-exchange-*`, the server names the prime, and ssh2
 *   computes with one of any size, with an exponent of the same size, before the host has proved anything. Servers that
 *   have nothing else sign with ssh-rsa (OpenSSH before 5.7), which is refused anyway.
 */
const OFFERED = {
  kex: [
    'curve25519-sha256@libssh.org',
    'curve25519-sha256',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group15-sha512',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group17-sha512',
    'diffie-hellman-group18-sha512',
  ],
  // AES-GCM is several times as fast as the others here.
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
    'chacha20-poly1305@openssh.com',
  ],
  hmac: [
    'hmac-sha2-256-etm@openssh.com',
    'hmac-sha2-512-etm@openssh.com',
    'hmac-sha1-etm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-512',
    'hmac-sha1',
  ],
  compress: ['none'],
} satisfies Algorithms;

export function offered(hostKeys: readonly ServerHostKeyAlgorithm[]): Algorithms {
  const { kex, cipher, hmac, compress } = OFFERED;
  return { kex: [...kex], cipher: [...cipher], hmac: [...hmac], compress: [...compress], serverHostKey: [...hostKeys] };
}

/** ssh2's messages (1.17) about a server that offers none of them, what each is about, and sshd's keyword for it. */
const NO_COMMON: readonly (readonly [RegExp, keyof typeof OFFERED, string, string])[] = [
  [/no matching key exchange algorithm/i, 'kex', 'key exchange', 'KexAlgorithms'],
  [/no matching (C->S|S->C) cipher/i, 'cipher', 'cipher', 'Ciphers'],
  [/no matching (C->S|S->C) MAC/i, 'hmac', 'MAC', 'MACs'],
  [/no matching (C->S|S->C) compression/i, 'compress', 'compression', 'Compression'],
];

/** What to say of a server that takes nothing of what is offered; undefined: `message` says something else. */
export function nothingInCommon(message: string): string | undefined {
  const [, part, what, keyword] = NO_COMMON.find(([words]) => words.test(message)) ?? [];
  if (part === undefined) return undefined;
  if (part === 'compress') {
    return (
      'takes no connection without compression, the only one that is offered to it. ' +
      `Have its administrators allow it (${keyword} in sshd_config)`
    );
  }
  return (
    `takes no ${what} that is offered to it: ${OFFERED[part].join(', ')}. ` +
    `Have its administrators allow one of them (${keyword} in sshd_config)`
  );
}
