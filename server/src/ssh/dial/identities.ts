import ssh2, { type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2';
import { messageOf } from '../../domain/thrown.ts';
import type { Agent } from './agent.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { certified } from './certified-login.ts';
import { refusedForNow } from './failure.ts';
import type { IdentitySources } from './hop.ts';
import { fingerprint } from './host-keys.ts';
import { readIfThere } from './read-if-there.ts';

/** One key to log in with. */
export interface Identity {
  /** How messages name it. */
  readonly label: string;
  /** Of the key itself, also where it shows itself by a certificate: certificates are renewed. */
  readonly fingerprint: string;
  readonly publicKey: ParsedKey;
  sign(data: Buffer, options: SigningRequestOptions, callback: SignCallback): void;
}

export interface Identities {
  /** In the order in which they are to be offered. */
  readonly offered: readonly Identity[];
  /** Why keys that a person may expect are not offered. */
  readonly notes: readonly string[];
}

/**
 * Collects the keys to offer, in OpenSSH's order: the named files' that the agent holds, the agent's others, the files
 * that it doesn't hold. A key with a certificate is offered with it first: one beside its file, one that the OpenSSH
 * configuration names, one of the agent. An encrypted file is usable only through the agent. Keys on security tokens
 * are omitted: ssh2 doesn't support them.
 *
 * @throws DialFailure refused, if the file that clusters.yaml names can't be used
 */
export async function collectIdentities(sources: IdentitySources, agent: Agent | undefined): Promise<Identities> {
  const { held, faults: agentFaults } = await askAgent(agent);
  const fileFaults: string[] = [];
  const throughAgent: Identity[] = [];
  const fromFiles: Identity[] = [];
  for (const path of sources.files) {
    const file = await readKeyFile(path);
    const inAgent = held.find(({ publicKey }) => isSame(publicKey, file.publicKey));
    if (inAgent) throughAgent.push(inAgent);
    else if (file.privateKey) fromFiles.push(fileIdentity(path, file.privateKey));
    else if (sources.namedBy === 'settings') {
      const message = `identity_file: ${[file.fault, ...agentFaults].join('; ')}`;
      throw refusedForNow(message, `${message}.`);
    } else if (!file.isMissing || sources.namedBy === 'config') fileFaults.push(file.fault);
  }
  const others = sources.only ? [] : held.filter((identity) => !throughAgent.includes(identity));
  const keys = [...throughAgent, ...others, ...fromFiles];
  const found = await findCertificates(sources, agent);
  const { offered, unused } = withCertificates(keys, found.certificates, sources.only ? undefined : agent);
  const notes = [...found.faults, ...unused];
  return { offered, notes: [...(sources.only ? [] : agentFaults), ...fileFaults, ...notes] };
}

interface FoundCertificate {
  readonly path: string;
  readonly certificate: Certificate;
  readonly isOfAgent: boolean;
}

/** The certificates that a person may expect to be offered. */
async function findCertificates(
  { files, certificates: named }: IdentitySources,
  agent: Agent | undefined,
): Promise<{ readonly certificates: readonly FoundCertificate[]; readonly faults: readonly string[] }> {
  const certificates: FoundCertificate[] = [];
  const faults: string[] = [];
  const take = (path: string, blob: Buffer, isOfAgent: boolean) => {
    try {
      const certificate = parseCertificate(blob);
      const fault = faultOf(certificate);
      if (fault === null) certificates.push({ path, certificate, isOfAgent });
      else faults.push(`the certificate ${path} ${fault}`);
    } catch (cause) {
      faults.push(`the certificate ${path} can't be used: ${messageOf(cause)}`);
    }
  };
  for (const path of new Set([...named, ...files.map((file) => `${file}-cert.pub`)])) {
    try {
      const content = await readIfThere(path);
      if (content !== undefined) take(path, Buffer.from(String(content).trim().split(/\s+/)[1] ?? '', 'base64'), false);
      else if (named.includes(path)) faults.push(`${path}: no such file`);
    } catch (cause) {
      faults.push(`the certificate ${path} can't be read: ${String(cause)}`);
    }
  }
  // An agent that can't be asked has been reported already.
  const ofAgent = (await agent?.certificates().catch(() => [])) ?? [];
  for (const { blob, comment } of ofAgent) take(`(${comment}) of the agent`, blob, true);
  return { certificates, faults };
}

/** Why a certificate can't be used now; null: it can. */
function faultOf({ kind, validAfter, validBefore }: Certificate): string | null {
  if (kind !== 'user') return 'is one of a host';
  const now = Date.now();
  if (now >= validBefore.getTime()) return `was valid until ${validBefore.toISOString()}: have it renewed`;
  if (now < validAfter.getTime()) return `is valid from ${validAfter.toISOString()} on`;
  return null;
}

/** `agent`: whose keys may be used although only their certificates are known. */
function withCertificates(
  keys: readonly Identity[],
  certificates: readonly FoundCertificate[],
  agent: Agent | undefined,
): { readonly offered: readonly Identity[]; readonly unused: readonly string[] } {
  const unused: string[] = [];
  const certifiedKeys = new Map<Identity, Identity[]>(keys.map((key) => [key, []]));
  const alone: Identity[] = [];
  for (const { path, certificate, isOfAgent } of certificates) {
    const key = keys.find(({ publicKey }) => publicKey.getPublicSSH().equals(certificate.publicKey));
    if (key !== undefined) {
      const publicKey = certified(key.publicKey, certificate.blob);
      certifiedKeys.get(key)?.push({ ...key, label: `${key.label} with the certificate ${path}`, publicKey });
    } else if (isOfAgent && agent !== undefined) {
      const plain = parseKey(certificate.publicKey);
      if (plain instanceof Error) continue;
      const publicKey = certified(plain, certificate.blob);
      const sign: Identity['sign'] = (data, options, callback) => agent.sign(publicKey, data, options, callback);
      alone.push({
        label: `the certificate ${path}`,
        fingerprint: fingerprint(certificate.publicKey),
        publicKey,
        sign,
      });
    } else if (!isOfAgent) {
      unused.push(`the certificate ${path} is for a key that is not there`);
    }
  }
  return { offered: [...alone, ...keys.flatMap((key) => [...(certifiedKeys.get(key) ?? []), key])], unused };
}

async function askAgent(agent: Agent | undefined): Promise<{ held: readonly Identity[]; faults: readonly string[] }> {
  if (agent === undefined) return { held: [], faults: ['no SSH agent is known (SSH_AUTH_SOCK is not set)'] };
  try {
    const keys = await agent.keys();
    const held = keys.map((publicKey) => {
      const own = fingerprint(publicKey.getPublicSSH());
      return {
        label: `${publicKey.type} ${own} (${publicKey.comment}) of the agent`,
        fingerprint: own,
        publicKey,
        sign: (data: Buffer, options: SigningRequestOptions, callback: SignCallback) => {
          agent.sign(publicKey, data, options, callback);
        },
      };
    });
    return { held, faults: held.length === 0 ? ['the SSH agent holds no key that can be used'] : [] };
  } catch (error) {
    return { held: [], faults: [`the SSH agent at ${agent.path} can't be used: ${String(error)}`] };
  }
}

/** ssh2's own `equals` would compare the private halves, too. */
function isSame(one: ParsedKey, other: ParsedKey | undefined): boolean {
  return other !== undefined && one.getPublicSSH().equals(other.getPublicSSH());
}

function fileIdentity(path: string, key: ParsedKey): Identity {
  return {
    label: path,
    fingerprint: fingerprint(key.getPublicSSH()),
    publicKey: key,
    sign(data, options, callback) {
      // ssh2 returns what it should throw, though its types don't say so.
      const signature: unknown = key.sign(data, options.hash);
      if (Buffer.isBuffer(signature)) callback(null, signature);
      else callback(signature instanceof Error ? signature : new Error(`${path}: signing failed`));
    },
  };
}

type KeyFile =
  | { readonly privateKey: ParsedKey; readonly publicKey: ParsedKey }
  | {
      readonly privateKey?: never;
      /** Known also if the file holds only that, or a `.pub` file is beside it: the agent may have the private key. */
      readonly publicKey: ParsedKey | undefined;
      readonly fault: string;
      readonly isMissing: boolean;
    };

async function readKeyFile(path: string): Promise<KeyFile> {
  const faulty = async (fault: string, isMissing = false): Promise<KeyFile> => ({
    publicKey: await readPublicKey(`${path}.pub`),
    fault,
    isMissing,
  });
  try {
    const content = await readIfThere(path);
    if (content === undefined) return await faulty(`${path}: no such file`, true);
    const key = parseKey(content);
    if (key instanceof Error && /encrypted/i.test(key.message)) {
      return await faulty(`${path} is encrypted and the SSH agent doesn't hold it: add it with ssh-add ${path}`);
    }
    if (key instanceof Error) return await faulty(`${path} isn't a private key that can be read: ${key.message}`);
    if (key.isPrivateKey()) return { privateKey: key, publicKey: key };
    return { publicKey: key, fault: `${path} is a public key and the SSH agent doesn't hold it`, isMissing: false };
  } catch (error) {
    return faulty(`${path} can't be read: ${String(error)}`);
  }
}

async function readPublicKey(path: string): Promise<ParsedKey | undefined> {
  try {
    const key = parseKey((await readIfThere(path)) ?? Buffer.alloc(0));
    return key instanceof Error ? undefined : key;
  } catch {
    // Only a hint at what the agent may hold; without it, the fault of the private key is reported.
    return undefined;
  }
}

function parseKey(content: Buffer): ParsedKey | Error {
  // A file of OpenSSH's own format may hold several keys, though its tools write one.
  const key: ParsedKey | Error | ParsedKey[] = ssh2.utils.parseKey(content);
  return Array.isArray(key) ? (key[0] ?? new Error('it holds no key')) : key;
}
