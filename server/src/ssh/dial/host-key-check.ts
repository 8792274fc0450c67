import type { ServerHostKeyAlgorithm } from 'ssh2';
import { refused, refusedForNow } from './failure.ts';
import type { Hop } from './hop.ts';
import {
  checkHostKey,
  fingerprint,
  type HostKeyNames,
  hostKeyNames,
  type KnownHost,
  keyType,
  parseKnownHosts,
  preferredAlgorithms,
} from './host-keys.ts';
import { explainedBy } from './not-followed.ts';
import { readIfThere } from './read-if-there.ts';

/** Holds one host to the keys that the user knows of it. */
export class HostKeyCheck {
  readonly #hop: Hop;
  readonly #via: readonly Hop[];
  readonly #known: readonly KnownHost[];
  readonly #names: HostKeyNames;
  #fault: string | undefined;

  /** @param via the jump hosts that lead to `hop` */
  constructor(hop: Hop, via: readonly Hop[], known: readonly KnownHost[]) {
    this.#hop = hop;
    this.#via = via;
    this.#known = known;
    this.#names = hostKeyNames(hop.host, hop.port, hop.hostKeyAlias);
  }

  get algorithms(): ServerHostKeyAlgorithm[] {
    return preferredAlgorithms(this.#known, this.#names);
  }

  /** Why the key was turned down, for a person; undefined as long as none was. */
  get fault(): string | undefined {
    return this.#fault;
  }

  accepts(key: Buffer): boolean {
    const result = checkHostKey(this.#known, this.#names, key);
    const presented = `${keyType(key)} ${fingerprint(key)}`;
    switch (result.verdict) {
      case 'known':
        return true;
      case 'unknown':
        this.#fault = this.#explainUnknown(presented, result.knownTypes);
        return false;
      case 'changed':
        this.#fault =
          `THE HOST KEY OF ${this.#hop.label} HAS CHANGED: it presented ${presented}, but ${result.at} holds` +
          ` ${result.knownFingerprint}. Somebody may be intercepting the connection, or the machine was set up anew.` +
          ` No login was tried. Ask the administrators; only if they confirm the new key, replace that line.`;
        return false;
      case 'revoked':
        this.#fault =
          `the host key of ${this.#hop.label}, ${presented}, is revoked by ${result.at}. No login was tried.` +
          ` Ask the administrators.`;
        return false;
    }
  }

  #explainUnknown(presented: string, knownTypes: readonly string[]): string {
    const others =
      knownTypes.length === 0 ? '' : ` (others are, of type ${knownTypes.join(', ')}, which it doesn't have)`;
    const notFollowed = explainedBy(this.#hop.notFollowed, 'host-key');
    return (
      `the host key of ${this.#hop.label} is not known${others}: it presented ${presented}. No login was tried.` +
      ` Compare this fingerprint with the one that the administrators publish. If they are the same, let OpenSSH` +
      ` remember the key: ${this.#sshCommand()}${notFollowed === '' ? '' : `.${notFollowed}`}`
    );
  }

  #sshCommand(): string {
    const { host, port, user, hostKeyAlias, knownHostsFiles } = this.#hop;
    const words = ['ssh', '-o', `UserKnownHostsFile=${knownHostsFiles[0] ?? '~/.ssh/known_hosts'}`];
    if (hostKeyAlias !== undefined) words.push('-o', `HostKeyAlias=${hostKeyAlias}`);
    if (this.#via.length > 0) words.push('-J', this.#via.map(({ label }) => label).join(','));
    if (port !== 22) words.push('-p', String(port));
    return [...words, `${user}@${host}`].join(' ');
  }
}

const KEY_REVOCATION_LIST = 'SSHKRL\n';

/**
 * The keys that a RevokedHostKeys file trusts for no host.
 *
 * @throws DialFailure refused, if it can't be read: no host is trusted then (ssh_config(5))
 */
export async function readRevokedKeys(file: string): Promise<KnownHost[]> {
  let content: Buffer | undefined;
  try {
    content = await readIfThere(file);
  } catch (error) {
    throw refused(`RevokedHostKeys ${file} can't be read: ${String(error)}`, error);
  }
  if (content === undefined) throw refused(`RevokedHostKeys ${file} is not there, so no host is trusted`);
  if (content.toString('latin1').startsWith(KEY_REVOCATION_LIST)) {
    throw refused(`RevokedHostKeys ${file} is a key revocation list: only files with a key a line can be read here`);
  }
  const lines = content.toString().split('\n');
  return parseKnownHosts(lines.map((line) => (/^\s*[^\s#]/.test(line) ? `@revoked * ${line}` : '')).join('\n'), file);
}

/** @throws DialFailure refused, if a file exists but can't be read */
export async function readKnownHosts(files: readonly string[]): Promise<KnownHost[]> {
  const entries: KnownHost[] = [];
  for (const file of files) {
    try {
      const content = await readIfThere(file);
      if (content) entries.push(...parseKnownHosts(String(content), file));
    } catch (error) {
      const message = `${file} can't be read: ${String(error)}`;
      throw refusedForNow(message, `${message}.`, error);
    }
  }
  return entries;
}
