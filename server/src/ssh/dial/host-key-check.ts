import type { ServerHostKeyAlgorithm } from 'ssh2';
import { messageOf } from '../../domain/thrown.ts';
import { type Certificate, certifiedType, parseCertificate } from './certificate.ts';
import { hostCertificateAlgorithms } from './certified-host.ts';
import { refused, refusedForNow } from './failure.ts';
import type { Hop } from './hop.ts';
import {
  authoritiesOf,
  checkHostKey,
  fingerprint,
  type HostKeyNames,
  hostKeyNames,
  type KnownHost,
  keyType,
  parseKnownHosts,
  preferredAlgorithms,
  revocationOf,
} from './host-keys.ts';
import { explainedBy } from './not-followed.ts';
import { matchesPattern } from './patterns.ts';
import { readIfThere } from './read-if-there.ts';

/** Checks one host against the keys that the user has of it. */
export class HostKeyCheck {
  readonly #hop: Hop;
  readonly #via: readonly Hop[];
  readonly #known: readonly KnownHost[];
  readonly #names: HostKeyNames;
  #fault: string | undefined;
  #certificate: Certificate | undefined;

  /** @param via the jump hosts that lead to `hop` */
  constructor(hop: Hop, via: readonly Hop[], known: readonly KnownHost[]) {
    this.#hop = hop;
    this.#via = via;
    this.#known = known;
    this.#names = hostKeyNames(hop.host, hop.port, hop.hostKeyAlias);
  }

  /** Certificates are negotiated if one may be trusted and the host isn't known by a key of its own. */
  get algorithms(): ServerHostKeyAlgorithm[] {
    const { algorithms, isKnown } = preferredAlgorithms(this.#known, this.#names);
    if (authoritiesOf(this.#known, this.#names).length === 0) return algorithms;
    // ssh2's types have only what it can negotiate by itself.
    const certificates = hostCertificateAlgorithms() as readonly ServerHostKeyAlgorithm[];
    return isKnown ? [...algorithms, ...certificates] : [...certificates, ...algorithms];
  }

  /** The accepted certificate; undefined: none, though a key may have been accepted. */
  get certificate(): Certificate | undefined {
    return this.#certificate;
  }

  /** The certified key can't be used to prove the key exchange. */
  unprovable(): void {
    this.#fault = `the host certificate of ${this.#hop.label} can't be checked by this version of ssh2`;
  }

  /** Why the key was rejected, for a person; undefined: it was not. */
  get fault(): string | undefined {
    return this.#fault;
  }

  accepts(key: Buffer): boolean {
    this.#certificate = undefined;
    if (certifiedType(keyType(key)) !== undefined) return this.#acceptsCertificate(key);
    const result = checkHostKey(this.#known, this.#names, key);
    const presented = `${keyType(key)} ${fingerprint(key)}`;
    switch (result.verdict) {
      case 'known':
        return true;
      case 'unknown':
        this.#fault = this.#explainUnknown(presented, result.knownTypes, `${keyType(key)} ${key.toString('base64')}`);
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

  /** As OpenSSH judges one (sshkey_cert_check_host): only its authority may be another one, its key is known then. */
  #acceptsCertificate(blob: Buffer): boolean {
    let certificate: Certificate;
    try {
      certificate = parseCertificate(blob);
    } catch (cause) {
      const reason = messageOf(cause);
      this.#fault = `the host certificate of ${this.#hop.label} can't be used: ${reason}. No login was tried.`;
      return false;
    }
    const { authority, publicKey } = certificate;
    const isTrusted = authoritiesOf(this.#known, this.#names).some(({ key }) => key.equals(authority));
    const revocation = revocationOf(this.#known, this.#names, [authority, publicKey, blob]);
    const isKnown = checkHostKey(this.#known, this.#names, publicKey).verdict === 'known';
    const fault =
      revocation !== undefined
        ? `is revoked by ${revocation.at}`
        : isTrusted
          ? faultOf(certificate, this.#names.nameWithoutPort ?? this.#names.name)
          : isKnown
            ? null
            : `is signed by ${keyType(authority)} ${fingerprint(authority)}, which no @cert-authority line trusts with it`;
    if (fault === null) {
      this.#certificate = certificate;
      return true;
    }
    this.#fault =
      `the host certificate of ${this.#hop.label} (${certificate.keyId}) ${fault}. No login was tried.` +
      ` Ask the administrators.`;
    return false;
  }

  /** `line`: the key as known_hosts has it. */
  #explainUnknown(presented: string, knownTypes: readonly string[], line: string): string {
    const others =
      knownTypes.length === 0 ? '' : ` (others are, of type ${knownTypes.join(', ')}, which it doesn't have)`;
    const notFollowed = explainedBy(this.#hop.notFollowed, 'host-key');
    const [authority] = authoritiesOf(this.#known, this.#names);
    // OpenSSH stores no key of a host whose certificate it trusts.
    const advice =
      authority === undefined
        ? `let OpenSSH remember the key: ${this.#sshCommand()}`
        : `add this line to ${this.#hop.knownHostsFiles[0]}, as the host shows no certificate that the authority of` +
          ` ${authority.at} signed and that can be used here: ${this.#names.name} ${line}`;
    return (
      `the host key of ${this.#hop.label} is not known${others}: it presented ${presented}. No login was tried.` +
      ` Compare this fingerprint with the one that the administrators publish. If they are the same, ` +
      `${advice}${notFollowed === '' ? '' : `.${notFollowed}`}`
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

/** Why a trusted authority's certificate doesn't prove a host; null: it does. */
function faultOf(
  { kind, principals, validAfter, validBefore, criticalOptions }: Certificate,
  host: string,
): string | null {
  if (kind !== 'host') return 'is one of a user';
  const now = Date.now();
  if (now >= validBefore.getTime()) return `was valid until ${validBefore.toISOString()}`;
  if (now < validAfter.getTime()) return `is valid from ${validAfter.toISOString()} on`;
  if (criticalOptions.length > 0) return `has options that aren't known: ${criticalOptions.join(', ')}`;
  if (principals.length === 0) return 'names no host';
  if (principals.some((principal) => matchesPattern(host, principal.toLowerCase()))) return null;
  return `is for ${principals.join(', ')}`;
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
      for (const entry of content ? parseKnownHosts(String(content), file) : []) entries.push(entry);
    } catch (error) {
      const message = `${file} can't be read: ${String(error)}`;
      throw refusedForNow(message, `${message}.`, error);
    }
  }
  return entries;
}
