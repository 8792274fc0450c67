import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { percentile } from '../statistics.ts';
import { serveCommands } from './child.ts';

/** A GraphQL request as it is posted. */
export interface Posted {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Any other request: the path that is asked for. */
export interface Got {
  readonly path: string;
}

export interface Load {
  /** `http://HOST:PORT`, or `unix:PATH` of a socket. */
  readonly address: string;
  readonly token?: string;
  /** Sent one after the other, by whichever connection is free, again and again. */
  readonly requests: readonly (Posted | Got)[];
  readonly connections: number;
  readonly seconds: number;
  /**
   * So many are due each second, at equal distances; each takes from when it was due. Left out: each connection asks
   * again as soon as it was answered.
   */
  readonly perSecond?: number;
}

export interface Loaded {
  readonly requests: number;
  readonly perSecond: number;
  readonly p99Ms: number;
}

const START = Buffer.from('HTTP/1.1 ');
const HEAD_END = Buffer.from('\r\n\r\n');

// Kept connections and requests that are put together beforehand: what is measured is to be the server.
serveCommands({
  fire: async ({ address, token, requests, connections, seconds, perSecond }: Load): Promise<Loaded> => {
    const { protocol, hostname, port, pathname } = new URL(address);
    const destination = protocol === 'unix:' ? { path: pathname } : { host: hostname, port: Number(port) };
    const messages = requests.map((request) => message(request, token));
    const tookMs: number[] = [];
    let next = 0;
    const end = performance.now() + seconds * 1000;
    const start = performance.now();
    await Promise.all(
      Array.from({ length: connections }, async () => {
        const connection = await Connection.open(destination);
        for (;;) {
          const number = next++;
          const begun = perSecond === undefined ? performance.now() : start + (number * 1000) / perSecond;
          if (begun >= end) break;
          if (begun > performance.now()) await pause(begun - performance.now());
          await connection.send(messages[number % messages.length] ?? HEAD_END);
          tookMs.push(performance.now() - begun);
        }
        connection.close();
      }),
    );
    const tookSeconds = (performance.now() - start) / 1000;
    return { requests: tookMs.length, perSecond: tookMs.length / tookSeconds, p99Ms: percentile(tookMs, 0.99) };
  },
});

function message(request: Posted | Got, token: string | undefined): Buffer {
  const shared = `host: localhost\r\n${token === undefined ? '' : `authorization: Bearer ${token}\r\n`}`;
  if ('path' in request) return Buffer.from(`GET ${request.path} HTTP/1.1\r\n${shared}\r\n`);
  const body = JSON.stringify(request);
  const length = Buffer.byteLength(body);
  const head = `POST /graphql HTTP/1.1\r\n${shared}content-type: application/json\r\ncontent-length: ${length}`;
  return Buffer.from(`${head}\r\n\r\n${body}`);
}

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

  static async open(destination: NetConnectOpts): Promise<Connection> {
    const socket = connect(destination);
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
      // slurmrestd sends a few bytes more than it says: an answer begins where it says so.
      const begin = this.#received.indexOf(START);
      const headEnd = begin < 0 ? -1 : this.#received.indexOf(HEAD_END, begin);
      if (headEnd < 0) return;
      const head = this.#received.toString('latin1', begin, headEnd);
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
