import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Seats, Sink } from '../graphql/index.ts';
import type { Backlog } from './backlog.ts';
import { writeTextFrame } from './text-frame.ts';

const END = Buffer.from('}');

/** What all operations of a connection share, of the way to its client. */
export interface Outlet {
  readonly backlog: Backlog;
  readonly seats: Seats;
}

/** Sends shared results as messages `next` of one operation: only the beginning differs from one client to another. */
export class MessageSink implements Sink {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #backlog: Backlog;
  readonly #begin: Buffer;
  readonly seats: Seats;

  /** `stream`: what the WebSocket writes to. Without compression it holds nothing back, so frames may go past it. */
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
    // Of one that is closing nothing more is expected: its operations end with it.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    writeTextFrame(this.#stream, [this.#begin, result, END]);
    this.#backlog.wrote(result.length);
  }

  whenDrained(callback: () => void, bytes: number): void {
    this.#backlog.whenDrained(callback, bytes);
  }
}
