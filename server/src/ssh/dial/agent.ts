import type { Duplex } from 'node:stream';
import ssh2, { type GetStreamCallback, type ParsedKey } from 'ssh2';

/** The user's SSH agent, asked for the length of one attempt to connect. It is never forwarded. */
export class Agent extends ssh2.OpenSSHAgent {
  readonly path: string;
  readonly #streams = new Set<Duplex>();

  constructor(path: string) {
    super(path);
    this.path = path;
  }

  override getStream(callback: GetStreamCallback): void {
    super.getStream((error, stream) => {
      if (stream) {
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

  /** Ends what is still being asked of it, such as a signature that waits for the user's confirmation. */
  close(): void {
    for (const stream of this.#streams) stream.destroy();
  }
}
