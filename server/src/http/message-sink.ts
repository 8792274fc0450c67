import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Seats, Sink } from '../graphql/index.ts';
import type { Backlog } from './backlog.ts';
import { writeTextFrame } from './text-frame.ts';

const END = Buffer.from('}');

/** Shared by all operations of a connection. */
export interface Outlet {
  readonly backlog: Backlog;
  readonly seats: Seats;
}

/** Sends shared results as `next` messages of one operation: only their beginning differs between clients. */
export class MessageSink implements Sink {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #backlog: Backlog;
  readonly #begin: Buffer;
  readonly seats: Seats;

  /**
   * `stream`: the one that the WebSocket writes to. Without compression it buffers nothing, so frames may bypass it.
   */
  constructor(socket: WebSocket, stream: Duplex, { backlog, seats }: Outlet, operationId: string) {
    this.#socket = socket;
    this.#stream = stream;
    this.#backlog = backlog;
    this.seats = seats;
    this.#begin = Buffer.from(`{"id":${JSON.stringify(operationId)},"type":"next","payload":`);
  }

  get isFull(): boolean {
    return this.#backlog.isFull;
  }

  send(result: Buffer): void {
    // A closing socket needs nothing more: its operations end with it.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    writeTextFrame(this.#stream, [this.#begin, result, END]);
    this.#backlog.wrote(result.length);
  }

  whenDrained(callback: () => void, bytes: number): void {
    this.#backlog.whenDrained(callback, bytes);
  }
}
