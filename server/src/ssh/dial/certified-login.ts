import type { Client, ParsedKey } from 'ssh2';
import { certificateAlgorithm } from './certificate.ts';

/** What ssh2 (1.17) asks to log in with a key, and where it makes packets (lib/protocol/Protocol.js, authPK). */
interface Internals {
  readonly _protocol?: {
    authPK?: AuthPK;
    readonly _packetRW?: { readonly write?: PacketWriter };
  };
}
type AuthPK = (user: string, key: ParsedKey, algorithm?: string | SignWith, sign?: SignWith) => void;
type SignWith = (data: Buffer, done: (signature: Buffer) => void) => void;
interface PacketWriter {
  readonly allocStart: number;
  alloc(size: number): Buffer;
  finalize(packet: Buffer): Buffer;
}

const certificates = new WeakMap<ParsedKey, Buffer>();

/** A key that shows itself by its certificate, in wire form. It is signed with as before. */
export function certified(key: ParsedKey, certificate: Buffer): ParsedKey {
  const shown: ParsedKey = Object.create(key, { getPublicSSH: { value: () => certificate } });
  certificates.set(shown, certificate);
  return shown;
}

/**
 * Has a client log in with certificates. ssh2 names the same algorithm for the key and in the signature: with a
 * certificate, the first is the certificate's and the second the key's own (PROTOCOL.certkeys). Call it once the client
 * has a protocol and before the login. Where ssh2 is built otherwise, certificates are refused by the server, and the
 * keys without them come next.
 */
export function logInWithCertificates(client: Client): void {
  const { _protocol: protocol } = client as unknown as Internals;
  const authPK = protocol?.authPK?.bind(protocol);
  const write = protocol?._packetRW?.write;
  if (protocol === undefined || authPK === undefined || write === undefined) return;
  protocol.authPK = (user, key, algorithm, sign) => {
    if (!certificates.has(key)) {
      authPK(user, key, algorithm, sign);
      return;
    }
    const signWith = typeof algorithm === 'function' ? algorithm : sign;
    const own = typeof algorithm === 'string' ? algorithm : key.type;
    const named = certificateAlgorithm(own);
    const inSignature: SignWith | undefined =
      signWith &&
      ((data, done) => signWith(data, (signature) => withOwnAlgorithm(write, named, own, () => done(signature))));
    authPK(user, key, named, inSignature);
  };
}

/** While `send` makes its packet, the algorithm that its signature names becomes `own`. */
function withOwnAlgorithm(write: PacketWriter, named: string, own: string, send: () => void): void {
  const finalize = write.finalize;
  Object.assign(write, {
    finalize: (packet: Buffer) => {
      Object.assign(write, { finalize });
      return write.finalize(renamed(write, packet, named, own));
    },
  });
  try {
    send();
  } finally {
    Object.assign(write, { finalize });
  }
}

/** The signature comes last: its length, then the algorithm and the value, each with its own length. */
function renamed(write: PacketWriter, packet: Buffer, named: string, own: string): Buffer {
  const field = text(named);
  const at = packet.lastIndexOf(field);
  if (at < write.allocStart + 4) return packet;
  const before = packet.subarray(write.allocStart, at - 4);
  const value = packet.subarray(at + field.length, at + field.length + 4 + packet.readUInt32BE(at + field.length));
  const signature = Buffer.concat([text(own), value]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(signature.length);
  const payload = Buffer.concat([before, length, signature]);
  const result = write.alloc(payload.length);
  result.set(payload, write.allocStart);
  return result;
}

function text(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}
