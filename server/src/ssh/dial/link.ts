import type { Socket } from 'node:net';
import type { Client } from 'ssh2';

/** How long a server may take to answer a disconnect before the socket is destroyed. */
const FAREWELL_MS = 500;

/**
 * The socket and the clients that together reach a cluster: a client for each hop, the cluster's own last. The first
 * fault of any of them ends all.
 */
export class Link {
  /** Rejects, with the reason, once the link has ended. It never resolves. */
  readonly broken: Promise<never>;
  readonly #reject: (reason: Error) => void;
  readonly #clients: Client[] = [];
  #socket: Socket | undefined;
  #reason: Error | undefined;

  constructor() {
    const { promise, reject } = Promise.withResolvers<never>();
    // A link that ends while nobody waits for it is no unhandled rejection.
    promise.catch(() => {});
    this.broken = promise;
    this.#reject = reject;
  }

  /** Why it has ended; undefined: it hasn't. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Sets the socket of the link. Call it once, while the socket is still connecting. */
  addSocket(socket: Socket): void {
    this.#socket = socket;
    socket.on('error', (error) => this.break(error));
    socket.on('close', () => this.break(new Error('the connection was closed')));
    if (this.#reason !== undefined) socket.destroy();
  }

  /** Call it before the client connects. */
  addClient(client: Client): void {
    this.#clients.push(client);
    client.on('error', (error) => {
      // A key that the agent won't sign with is no failure: ssh2 continues with the next one.
      if (error.level !== 'agent') this.break(error);
    });
    // The server has ended it: what waits to be sent could keep the socket open for long.
    client.on('end', () => this.break(new Error('the connection was closed')));
    client.on('close', () => this.break(new Error('the connection was closed')));
  }

  /** Ends the link at once. Only the first reason counts. */
  break(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#reject(reason);
    this.#socket?.destroy();
  }

  /** Disconnects from every hop, then ends the link. */
  async close(): Promise<void> {
    const socket = this.#socket;
    if (this.#reason === undefined && socket && !socket.connecting) {
      for (const client of this.#clients.toReversed()) client.end();
      socket.end();
      const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
      await this.broken.catch(() => {});
      clearTimeout(timer);
    }
    this.break(new Error('the connection was closed by this side'));
    if (socket && !socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  }
}
