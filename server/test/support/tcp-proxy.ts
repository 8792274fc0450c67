import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface State {
  isStalled: boolean;
  isRefusing: boolean;
  /** Null: without limit. */
  bytesPerMs: number | null;
}

/** The network between the server and a cluster's sshd, on a loopback port of its own: tests break it and mend it. */
export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  readonly #listener: Server;
  readonly #sockets: Set<Socket>;
  readonly #state: State;

  private constructor(listener: Server, sockets: Set<Socket>, state: State, port: number) {
    this.#listener = listener;
    this.#sockets = sockets;
    this.#state = state;
    this.port = port;
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    const state: State = { isStalled: false, isRefusing: false, bytesPerMs: null };
    const listener = createServer((near) => {
      if (state.isRefusing) {
        near.resetAndDestroy();
        return;
      }
      const far = connect({ ...target, noDelay: true });
      near.setNoDelay(true);
      const ends = [near, far] as const;
      for (const [from, to] of [ends, [far, near] as const]) {
        sockets.add(from);
        from.on('data', (chunk) => {
          to.write(chunk);
          if (from !== near || state.bytesPerMs === null) return;
          near.pause();
          setTimeout(() => state.isStalled || near.resume(), chunk.length / state.bytesPerMs);
        });
        from.on('end', () => to.end());
        // Its close tells as well.
        from.on('error', () => undefined);
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
        if (state.isStalled) from.pause();
      }
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new TcpProxy(listener, sockets, state, (listener.address() as AddressInfo).port);
  }

  /** Resets every connection that is open. New ones come through. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Lets nothing through and resets nothing, as a network does that drops packets. New connections stall as well. */
  stall(): void {
    this.#state.isStalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Lets through so much a second towards the cluster, on each connection. */
  limit(bytesPerSecond: number): void {
    this.#state.bytesPerMs = bytesPerSecond / 1000;
  }

  /** Lets everything through again, what has been held back included. */
  resume(): void {
    this.#state.isStalled = false;
    this.#state.isRefusing = false;
    this.#state.bytesPerMs = null;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Resets every connection that is open, and each new one, until `resume`. */
  refuse(): void {
    this.#state.isRefusing = true;
    this.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    this.#listener.close();
    await once(this.#listener, 'close');
  }
}
