import { connect, type Socket } from 'node:net';
import { TOKEN } from '@slurmql/server/stage';
import { percentile } from '../statistics.ts';
import { serveCommands } from './child.ts';

/** A GraphQL request as it is posted. */
export interface Posted {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface Load {
  readonly address: string;
  /** Sent one after the other, by whichever connection is free, again and again. */
  readonly requests: readonly Posted[];
  readonly connections: number;
  readonly seconds: number;
}

export interface Loaded {
  readonly requests: number;
  readonly perSecond: number;
  readonly p99Ms: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');

// Kept connections and requests that are put together beforehand: what is measured is to be the server.
serveCommands({
  fire: async ({ address, requests, connections, seconds }: Load): Promise<Loaded> => {
    const { hostname, port, host } = new URL(address);
    const messages = requests.map((request) => {
      const body = JSON.stringify(request);
      return Buffer.from(
        `POST /graphql HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${TOKEN}\r\n` +
          `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
    const tookMs: number[] = [];
    let next = 0;
    const end = performance.now() + seconds * 1000;
    const start = performance.now();
    await Promise.all(
      Array.from({ length: connections }, async () => {
        const connection = await Connection.open(hostname, Number(port));
        while (performance.now() < end) {
          const begun = performance.now();
          await connection.send(messages[next++ % messages.length] ?? HEAD_END);
          tookMs.push(performance.now() - begun);
        }
        connection.close();
      }),
    );
    const tookSeconds = (performance.now() - start) / 1000;
    return { requests: tookMs.length, perSecond: tookMs.length / tookSeconds, p99Ms: percentile(tookMs, 0.99) };
  },
});

/** One connection that sends a request when the last one has been answered. */
class Connection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #missing: number | null = null;
  #settle: { resolve: () => void; reject: (cause: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (data) => this.#read(data));
    socket.on('error', (cause) => this.#settle?.reject(cause));
    socket.on('close', () => this.#settle?.reject(new Error('The server has closed the connection')));
  }

  static async open(host: string, port: number): Promise<Connection> {
    const socket = connect(port, host);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Connection(socket);
  }

  /** Throws for every answer that isn't 200 with a length. */
  send(message: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(message);
    });
  }

  close(): void {
    this.#settle = null;
    this.#socket.destroy();
  }

  #read(data: Buffer): void {
    if (this.#missing === null) {
      this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
      const headEnd = this.#received.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = this.#received.toString('latin1', 0, headEnd);
      const length = /^content-length: (\d+)/im.exec(head)?.[1];
      if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) {
        this.#settle?.reject(new Error(`It answered ${this.#received.toString()}`));
        return;
      }
      this.#missing = headEnd + HEAD_END.length + Number(length) - this.#received.length;
    } else {
      this.#missing -= data.length;
    }
    if (this.#missing > 0) return;
    this.#received = Buffer.alloc(0);
    this.#missing = null;
    this.#settle?.resolve();
  }
}
