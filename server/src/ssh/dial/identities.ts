import { readFile } from 'node:fs/promises';
import ssh2, { type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2';
import type { Agent } from './agent.ts';
import { refusedForNow } from './failure.ts';
import type { IdentitySources } from './hop.ts';
import { fingerprint } from './host-keys.ts';
import { readIfThere } from './read-if-there.ts';

/** One key to log in with. */
export interface Identity {
  /** How messages name it. */
  readonly label: string;
  readonly publicKey: ParsedKey;
  sign(data: Buffer, options: SigningRequestOptions, callback: SignCallback): void;
}

export interface Identities {
  /** In the order in which they are to be offered. */
  readonly offered: readonly Identity[];
  /** Why others, which a person may expect to be offered, aren't. */
  readonly notes: readonly string[];
}

/**
 * Collects the keys to offer, in OpenSSH's order: the named files' that the agent holds, the agent's others, the files
 * that it doesn't hold. An encrypted file is of use only through the agent. Certificates and keys on security tokens
 * are left out: ssh2 doesn't know them.
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
  if (sources.only) return { offered: [...throughAgent, ...fromFiles], notes: fileFaults };
  const others = held.filter((identity) => !throughAgent.includes(identity));
  return { offered: [...throughAgent, ...others, ...fromFiles], notes: [...agentFaults, ...fileFaults] };
}

async function askAgent(agent: Agent | undefined): Promise<{ held: readonly Identity[]; faults: readonly string[] }> {
  if (agent === undefined) return { held: [], faults: ['no SSH agent is known (SSH_AUTH_SOCK is not set)'] };
  try {
    const keys = await agent.keys();
    const held = keys.map((publicKey) => ({
      label: `${publicKey.type} ${fingerprint(publicKey.getPublicSSH())} (${publicKey.comment}) of the agent`,
      publicKey,
      sign: (data: Buffer, options: SigningRequestOptions, callback: SignCallback) => {
        agent.sign(publicKey, data, options, callback);
      },
    }));
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
      /** Known all the same if the file holds only that, or `.pub` stands beside it: the agent may have the other half. */
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
    const key = parseKey(await readFile(path));
    return key instanceof Error ? undefined : key;
  } catch {
    // It is only a hint at what the agent may hold; without it the private key's own fault is reported.
    return undefined;
  }
}

function parseKey(content: Buffer): ParsedKey | Error {
  // A file of OpenSSH's own format may hold several keys, though its tools write one.
  const key: ParsedKey | Error | ParsedKey[] = ssh2.utils.parseKey(content);
  return Array.isArray(key) ? (key[0] ?? new Error('it holds no key')) : key;
}
