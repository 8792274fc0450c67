import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import ssh2 from 'ssh2';
import { WireReader, wire } from './wire.ts';

/** An OpenSSH certificate (PROTOCOL.certkeys). */
export interface Certificate {
  /** The negotiated name, such as `ssh-ed25519-cert-v01@openssh.com`. */
  readonly algorithm: string;
  readonly kind: 'user' | 'host';
  /** The certified key in wire form, without the certificate. */
  readonly publicKey: Buffer;
  readonly keyId: string;
  readonly principals: readonly string[];
  readonly validAfter: Date;
  readonly validBefore: Date;
  /** The names of its critical options: one that is not understood forbids accepting it. */
  readonly criticalOptions: readonly string[];
  /** Of the authority, in wire form. */
  readonly authority: Buffer;
  /** The whole certificate. */
  readonly blob: Buffer;
}

const SUFFIX = '-cert-v01@openssh.com';
/** The fields of a key in a certificate, after the nonce; keys of security tokens are not supported. */
const KEY_FIELDS: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};
const KINDS = { 1: 'user', 2: 'host' } as const;

/** The key type that an algorithm or type of certificates certifies; undefined: it is none of certificates. */
export function certifiedType(type: string): string | undefined {
  return type.endsWith(SUFFIX) ? type.slice(0, -SUFFIX.length) : undefined;
}

/** The name of a key's algorithm when the key comes with a certificate. */
export function certificateAlgorithm(keyAlgorithm: string): string {
  return `${keyAlgorithm}${SUFFIX}`;
}

/**
 * Reads a certificate and checks its authority's signature, and nothing else.
 *
 * @throws Error if it is no certificate, was tampered with, or is of an unsupported kind
 */
export function parseCertificate(blob: Buffer): Certificate {
  const reader = new WireReader(blob);
  const algorithm = reader.text();
  const type = certifiedType(algorithm);
  const fields = type === undefined ? undefined : KEY_FIELDS[type];
  if (type === undefined || fields === undefined) throw new Error(`${algorithm} is not supported`);
  reader.string();
  const key = [Buffer.from(type), ...Array.from({ length: fields }, () => reader.string())];
  reader.skip(8);
  const kind = KINDS[reader.uint32() as 1 | 2] as 'user' | 'host' | undefined;
  const keyId = reader.text();
  const principals = new WireReader(reader.string()).texts();
  const [validAfter, validBefore] = [reader.date(), reader.date()];
  const options = new WireReader(reader.string()).texts();
  reader.string();
  reader.string();
  const authority = reader.string();
  const signed = reader.read();
  const signature = reader.string();
  if (kind === undefined || !reader.isAtEnd) throw new Error('it is malformed');
  if (!isSignedBy(authority, signed, signature)) throw new Error("its authority's signature is wrong");
  return {
    ...{ algorithm, kind, keyId, principals, validAfter, validBefore, authority, blob },
    publicKey: Buffer.concat(key.map(wire)),
    // Names and values alternate.
    criticalOptions: options.filter((_option, index) => index % 2 === 0),
  };
}

/** Whether `signature` is one of `data` by the key; SHA-1 counts as none. */
function isSignedBy(key: Buffer, data: Buffer, signature: Buffer): boolean {
  const reader = new WireReader(signature);
  const algorithm = reader.text();
  const value = reader.string();
  const type = new WireReader(key).text();
  const publicKey = keyObject(key);
  switch (algorithm) {
    case 'ssh-ed25519':
      return type === algorithm && verify(null, data, publicKey, value);
    case 'rsa-sha2-256':
      return type === 'ssh-rsa' && verify('sha256', data, publicKey, value);
    case 'rsa-sha2-512':
      return type === 'ssh-rsa' && verify('sha512', data, publicKey, value);
    case 'ecdsa-sha2-nistp256':
      return type === algorithm && verify('sha256', data, ecdsa(publicKey), fixedLength(value, 32));
    case 'ecdsa-sha2-nistp384':
      return type === algorithm && verify('sha384', data, ecdsa(publicKey), fixedLength(value, 48));
    case 'ecdsa-sha2-nistp521':
      return type === algorithm && verify('sha512', data, ecdsa(publicKey), fixedLength(value, 66));
    default:
      throw new Error(`it is signed with ${algorithm}, which is not supported`);
  }
}

function keyObject(key: Buffer): KeyObject {
  // Of a certificate as an authority, which there is not, nothing would be parsed.
  const parsed = ssh2.utils.parseKey(key);
  if (parsed instanceof Error) throw new Error("its authority's key is not supported", { cause: parsed });
  return createPublicKey(parsed.getPublicPEM());
}

const ecdsa = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' }) as const;

/** Two numbers side by side, padded to the same number of bytes. */
function fixedLength(value: Buffer, bytes: number): Buffer {
  const reader = new WireReader(value);
  const numbers = [reader.string(), reader.string()].map((number) => {
    const digits = number.subarray(Math.max(0, number.length - bytes));
    if (number.subarray(0, number.length - digits.length).some((byte) => byte !== 0))
      throw new Error('it is malformed');
    return Buffer.concat([Buffer.alloc(bytes - digits.length), digits]);
  });
  return Buffer.concat(numbers);
}
