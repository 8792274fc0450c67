import type { Duplex } from 'node:stream';
import ssh2, { type GetStreamCallback, type ParsedKey } from 'ssh2';
import { certifiedType } from './certificate.ts';
import { WireReader } from './wire.ts';

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
/** As OpenSSH's own (AGENT_MAX_LEN). */
const MOST_BYTES = 256 * 1024;

/** The user's SSH agent, for the duration of one attempt to connect. It is never forwarded. */
export class Agent extends ssh2.OpenSSHAgent {
  readonly path: string;
  readonly #streams = new Set<Duplex>();
  #isClosed = false;

  constructor(path: string) {
    super(path);
    this.path = path;
  }

  override getStream(callback: GetStreamCallback): void {
    if (this.#isClosed) {
      callback(new Error('nothing more is asked of the agent'));
      return;
    }
    super.getStream((error, stream) => {
      if (stream && this.#isClosed) stream.destroy();
      else if (stream) {
        this.#streams.add(stream);
        stream.once('close', () => this.#streams.delete(stream));
      }
      callback(error, stream);
    });
  }

  /** @throws Error if the agent can't be reached or gives no proper answer */
  keys(): Promise<ParsedKey[]> {
    return new Promise((resolve, reject) => {
      this.getIdentities((error, keys = []) => {
        if (error) reject(error);
        else resolve(keys.filter((key) => 'getPublicSSH' in key));
      });
    });
  }

  /**
   * The certificates that it holds, in wire form with their comments; ssh2 omits them. (draft-miller-ssh-agent,
   * SSH_AGENTC_REQUEST_IDENTITIES)
   *
   * @throws Error if the agent can't be reached or gives no proper answer
   */
  certificates(): Promise<readonly { readonly blob: Buffer; readonly comment: string }[]> {
    return new Promise((resolve, reject) => {
      this.getStream((error, stream) => {
        if (error || !stream) {
          reject(error ?? new Error('there is no agent'));
          return;
        }
        const chunks: Buffer[] = [];
        stream.on('error', reject);
        stream.on('close', () => reject(new Error('the agent ended before its answer')));
        stream.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          const answer = Buffer.concat(chunks);
          const length = answer.length < 4 ? MOST_BYTES : answer.readUInt32BE(0);
          if (answer.length >= 4 && length > MOST_BYTES) stream.destroy(new Error('the agent answers too much'));
          if (answer.length < 4 + length) return;
          try {
            resolve(identitiesIn(answer.subarray(4, 4 + length)).filter(({ blob }) => isCertificate(blob)));
          } catch (cause) {
            reject(cause);
          }
          stream.destroy();
        });
        stream.write(Buffer.from([0, 0, 0, 1, REQUEST_IDENTITIES]));
      });
    });
  }

  /** Ends open requests, such as a signature that waits for the user's confirmation. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams) stream.destroy();
  }
}

function identitiesIn(answer: Buffer): readonly { readonly blob: Buffer; readonly comment: string }[] {
  const reader = new WireReader(answer);
  if (reader.byte() !== IDENTITIES_ANSWER) throw new Error('the agent gives another answer than its identities');
  return Array.from({ length: reader.uint32() }, () => ({ blob: reader.string(), comment: reader.text() }));
}

function isCertificate(blob: Buffer): boolean {
  return certifiedType(new WireReader(blob).text()) !== undefined;
}
