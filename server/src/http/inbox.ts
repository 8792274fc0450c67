import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { HeldRequest } from './request-bytes.ts';

/** What a connection may hold of a message that has yet to be read, beside those of its account together. */
const LITTLE_BYTES = 64 * 1024;
/** What a control frame of a client has beside its data: a head of 2 bytes and a mask (RFC 6455, 5.2 and 5.5). */
const CONTROL_FRAME_BYTES = 6;

export interface InboxOptions {
  readonly socket: WebSocket;
  /** The connection below. */
  readonly stream: Duplex;
  /** Before a message is read. Undefined: at once. */
  turn(): Promise<void> | undefined;
  /** For what arrives of a long message. */
  hold(): HeldRequest;
  /** Handles a message. */
  read(message: Buffer): void;
  /** Of a long message, too much has arrived. */
  refuse(cause: unknown): void;
}

/**
 * Reads the messages of a WebSocket in their order, each in a turn of the event loop. While one waits, or the client
 * doesn't read what is sent to it, nothing more is read from it.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #waiting: { readonly message: Buffer; readonly held: HeldRequest | null }[] = [];
  #isReading = false;
  /** Why nothing is read from the client now. */
  #pauses = 0;
  /** Since the last message. */
  #arrivedBytes = 0;
  /** Those of pings and pongs among them. */
  #controlBytes = 0;
  #held: HeldRequest | null = null;

  constructor(options: InboxOptions) {
    const { socket, stream } = options;
    this.#options = options;
    // Before the library, which then tells of messages that are whole.
    stream.prependListener('data', this.#arrive);
    socket.on('message', (message: Buffer) => {
      this.#waiting.push({ message, held: this.#held });
      this.#held = null;
      this.#restart();
      if (!this.#isReading) void this.#read();
    });
    socket.on('ping', this.#control);
    socket.on('pong', this.#control);
    // Most messages are answered, and all pings.
    socket.on('message', () => this.#keepPace());
    socket.on('ping', () => this.#keepPace());
    socket.once('close', () => {
      stream.off('data', this.#arrive);
      this.#held?.[Symbol.dispose]();
      for (const { held } of this.#waiting.splice(0)) held?.[Symbol.dispose]();
    });
  }

  readonly #arrive = ({ length }: Buffer): void => {
    this.#arrivedBytes += length;
    if (this.#arrivedBytes <= LITTLE_BYTES) return;
    const isFirst = this.#held === null;
    this.#held ??= this.#options.hold();
    try {
      this.#held.take(isFirst ? this.#arrivedBytes : length);
    } catch (cause) {
      this.#options.stream.off('data', this.#arrive);
      this.#pauses += 1;
      this.#options.socket.pause();
      this.#options.refuse(cause);
    }
  };

  /** If no more has arrived than pings and pongs, no message has begun. They may come between the parts of one. */
  readonly #control = ({ length }: Buffer): void => {
    this.#controlBytes += CONTROL_FRAME_BYTES + length;
    if (this.#arrivedBytes > this.#controlBytes) return;
    this.#held?.[Symbol.dispose]();
    this.#held = null;
    this.#restart();
  };

  #restart(): void {
    this.#arrivedBytes = 0;
    this.#controlBytes = 0;
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const turn = this.#options.turn();
      if (turn !== undefined) {
        using _paused = this.#pause();
        await turn;
      }
      // The connection may have been closed meanwhile.
      if (this.#waiting.shift() === undefined) break;
      next.held?.[Symbol.dispose]();
      this.#options.read(next.message);
    }
    this.#isReading = false;
  }

  #keepPace(): void {
    const { stream } = this.#options;
    if (!stream.writableNeedDrain || this.#pauses > 0) return;
    const paused = this.#pause();
    stream.once('drain', () => paused[Symbol.dispose]());
  }

  #pause(): Disposable {
    const { socket } = this.#options;
    this.#pauses += 1;
    if (this.#pauses === 1) socket.pause();
    return {
      [Symbol.dispose]: () => {
        this.#pauses -= 1;
        if (this.#pauses === 0) socket.resume();
      },
    };
  }
}
