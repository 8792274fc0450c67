import { run } from './run.ts';

/** Makes an ed25519 key without a passphrase at `path` (mode 0600) and `path`.pub; gives the public key's line. */
export async function createKey(path: string): Promise<string> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
  return publicKeyOf(path);
}

/** The public key of a private key's file, as "ssh-ed25519 AAAA…" without its comment. */
export async function publicKeyOf(path: string): Promise<string> {
  const [type, key] = (await run('ssh-keygen', ['-y', '-P', '', '-f', path])).trim().split(' ');
  return `${type} ${key}`;
}
