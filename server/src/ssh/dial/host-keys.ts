import { createHash, createHmac } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { matchesPatternList } from './patterns.ts';

/** One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHost {
  /** The first field as written: names and patterns separated by commas, or one hashed name. */
  readonly hosts: string;
  readonly revoked: boolean;
  /** The key is that of an authority, whose certificates are trusted for the hosts. */
  readonly isAuthority: boolean;
  readonly key: Buffer;
  /** `file:line`, for messages. */
  readonly at: string;
}

/** The names under which a host's keys are looked up. */
export interface HostKeyNames {
  readonly name: string;
  /** Without the port, for a host on another port than 22: a key found only there is accepted, too, as in OpenSSH. */
  readonly nameWithoutPort?: string;
}

export type HostKeyVerdict =
  | { readonly verdict: 'known' }
  /** No key of this type is known for the host; `knownTypes` are the types that are. */
  | { readonly verdict: 'unknown'; readonly knownTypes: readonly string[] }
  | { readonly verdict: 'changed'; readonly at: string; readonly knownFingerprint: string }
  | { readonly verdict: 'revoked'; readonly at: string };

/** The usable lines of a known_hosts file. Comments and lines that can't be read are left out. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  const entries: KnownHost[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const fields = line.trim().split(/[ \t]+/);
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
    const [hosts, type, encodedKey] = fields;
    if (!hosts || hosts.startsWith('#') || type === undefined || encodedKey === undefined) continue;
    if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') continue;
    const key = Buffer.from(encodedKey, 'base64');
    if (keyType(key) !== type) continue;
    const [revoked, isAuthority] = [marker === '@revoked', marker === '@cert-authority'];
    entries.push({ hosts, revoked, isAuthority, key, at: `${file}:${index + 1}` });
  }
  return entries;
}

/** @param alias the OpenSSH configuration's `HostKeyAlias`, which stands for both host and port */
export function hostKeyNames(host: string, port: number, alias?: string): HostKeyNames {
  if (alias !== undefined) return { name: alias.toLowerCase() };
  const name = host.toLowerCase();
  return port === 22 ? { name } : { name: `[${name}]:${port}`, nameWithoutPort: name };
}

/** What known_hosts says of a `key` that a server presented, by OpenSSH's rules (`check_host_key` in sshconnect.c). */
export function checkHostKey(entries: readonly KnownHost[], names: HostKeyNames, key: Buffer): HostKeyVerdict {
  const named = entries.filter((entry) => matchesHost(entry, names.name));
  const portless = entries.filter(
    (entry) => names.nameWithoutPort !== undefined && matchesHost(entry, names.nameWithoutPort),
  );

  const revoked = [...named, ...portless].find((entry) => entry.revoked && entry.key.equals(key));
  if (revoked) return { verdict: 'revoked', at: revoked.at };

  const trusted = named.filter((entry) => !entry.revoked && !entry.isAuthority);
  const isSameKey = (entry: KnownHost) => entry.key.equals(key);
  if (trusted.some(isSameKey)) return { verdict: 'known' };

  const conflict = trusted.find((entry) => keyType(entry.key) === keyType(key));
  if (conflict) return { verdict: 'changed', at: conflict.at, knownFingerprint: fingerprint(conflict.key) };

  if (portless.some((entry) => !entry.revoked && !entry.isAuthority && isSameKey(entry))) return { verdict: 'known' };
  return { verdict: 'unknown', knownTypes: [...new Set(trusted.map((entry) => keyType(entry.key)))] };
}

/** Without ssh-rsa, which signs with SHA-1: a key of that type must use rsa-sha2 (RFC 8332). */
const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

export interface PreferredAlgorithms {
  readonly algorithms: ServerHostKeyAlgorithm[];
  /** A key of the host's own is known. */
  readonly isKnown: boolean;
}

/**
 * The host key algorithms to offer, those of already known keys first. The server presents the first one it has, so
 * without this order a host known by one key would present another and look unknown.
 */
export function preferredAlgorithms(entries: readonly KnownHost[], names: HostKeyNames): PreferredAlgorithms {
  const known = new Set<string>();
  for (const entry of entries) {
    if (!entry.revoked && !entry.isAuthority && isOf(entry, names)) known.add(keyType(entry.key));
  }
  const isKnown = (algorithm: string) => known.has(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm);
  return {
    algorithms: [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((algorithm) => !isKnown(algorithm))],
    isKnown: known.size > 0,
  };
}

/** The authorities whose certificates are trusted for a host. */
export function authoritiesOf(entries: readonly KnownHost[], names: HostKeyNames): readonly KnownHost[] {
  return entries.filter((entry) => entry.isAuthority && isOf(entry, names));
}

/** The line that revokes one of these keys; undefined: none. */
export function revocationOf(
  entries: readonly KnownHost[],
  names: HostKeyNames,
  keys: readonly Buffer[],
): KnownHost | undefined {
  return entries.find((entry) => entry.revoked && isOf(entry, names) && keys.some((key) => entry.key.equals(key)));
}

function isOf(entry: KnownHost, { name, nameWithoutPort }: HostKeyNames): boolean {
  return matchesHost(entry, name) || (nameWithoutPort !== undefined && matchesHost(entry, nameWithoutPort));
}

/** The type in a public key in wire form, such as `ssh-ed25519` (RFC 4253 section 6.6); '' if none. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return '';
  const length = key.readUInt32BE(0);
  return length <= key.length - 4 ? key.toString('latin1', 4, 4 + length) : '';
}

/** As OpenSSH prints it: `SHA256:` and the hash in base64 without padding. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replaceAll('=', '')}`;
}

function matchesHost(entry: KnownHost, name: string): boolean {
  if (entry.hosts.startsWith('|')) return matchesHashed(entry.hosts, name);
  return matchesPatternList(name, entry.hosts.toLowerCase().split(','));
}

/** `|1|salt|hash`, both in base64; the hash is the HMAC-SHA1 of the name, keyed with the salt. */
function matchesHashed(field: string, name: string): boolean {
  const [, version, salt, hash] = field.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest().equals(Buffer.from(hash, 'base64'));
}
