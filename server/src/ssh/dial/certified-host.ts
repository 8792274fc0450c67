import { createRequire } from 'node:module';
import type { Client } from 'ssh2';
import { type Certificate, certificateAlgorithm } from './certificate.ts';
import { keyType } from './host-keys.ts';

/** Of RSA, ssh2 would want the algorithm of the signature to be the type of the key. */
const CERTIFIED = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'];

/** What a client knows of the exchange of keys that is under way (ssh2 1.17, lib/protocol/kex.js, KeyExchange). */
interface Internals {
  readonly _protocol?: { readonly _kex?: { negotiated?: object; _hostKey?: Buffer } };
}

let offered: readonly string[] | undefined;

/**
 * The algorithms of host certificates that can be negotiated. ssh2 (1.17) knows none: it takes only what stands in a
 * list of its own, to which they are added once. None where there is no such list.
 */
export function hostCertificateAlgorithms(): readonly string[] {
  offered ??= addAlgorithms();
  return offered;
}

function addAlgorithms(): readonly string[] {
  let supported: unknown;
  try {
    const constants: unknown = createRequire(import.meta.url)('ssh2/lib/protocol/constants.js');
    supported =
      typeof constants === 'object' && constants !== null && Reflect.get(constants, 'SUPPORTED_SERVER_HOST_KEY');
  } catch {
    // Another ssh2: hosts are known by their keys alone then, and the message about an unknown one says how.
    return [];
  }
  if (!Array.isArray(supported)) return [];
  const algorithms = CERTIFIED.map(certificateAlgorithm);
  supported.push(...algorithms);
  return algorithms;
}

/**
 * Has the exchange of keys that is under way go on with the key that an accepted certificate certifies: the exchange is
 * hashed with the certificate as it came, and its signature is made by the key (PROTOCOL.certkeys, RFC 4253 section 8).
 * ssh2 reads the host's key for the hash first, then for the signature. Should it ever do otherwise, the signature is
 * wrong and the connection ends: nothing is trusted that isn't proved.
 *
 * @returns false where ssh2 is built otherwise: the host must not be trusted then
 */
export function proveByCertifiedKey(client: Client, { blob, publicKey }: Certificate): boolean {
  const kex = (client as unknown as Internals)._protocol?._kex;
  if (kex?.negotiated === undefined || !Buffer.isBuffer(kex._hostKey) || !kex._hostKey.equals(blob)) return false;
  kex.negotiated = { ...kex.negotiated, serverHostKey: keyType(publicKey) };
  let isHashed = false;
  Object.defineProperty(kex, '_hostKey', {
    configurable: true,
    get: () => {
      const key = isHashed ? publicKey : blob;
      isHashed = true;
      return key;
    },
    set: (value) => Object.defineProperty(kex, '_hostKey', { configurable: true, writable: true, value }),
  });
  return true;
}
