import type { Socket } from 'node:net';

/**
 * How long reading may hold the event loop at a time. One read more has begun by then: of 64 KiB, which takes some 20 ms
 * where a body comes in chunks of a byte.
 */
const TURN_MS = 8;
/** More is unusual for one request. */
const LITTLE_MS = 1;
/** Of those that have taken little and had to wait, so many are read in one turn; of the others one, if these are all. */
export const READ_AT_ONCE = 4;

interface Reading {
  spentMs: number;
  readonly stop: () => void;
}

/**
 * Lets connections be read in turns of the event loop. Node reads whatever has arrived of all of them before anything
 * else runs, however long its parser takes for that.
 */
export class ReadingPace {
  readonly #mayWait: (socket: Socket) => boolean;
  readonly #watched = new Map<Socket, Reading>();
  /** In the order in which they began to wait. */
  readonly #waiting = new Set<Socket>();
  /** Whose turn it is: each may be read once, also when the others have taken long. */
  #next = new Set<Socket>();
  #usedMs = 0;
  #isPlanned = false;
  #isOver = false;

  /** `mayWait`: whether a connection may be read later while others take long. */
  constructor(mayWait: (socket: Socket) => boolean) {
    this.#mayWait = mayWait;
  }

  /** Until it is closed or forgotten. */
  watch(socket: Socket): void {
    let begun = 0;
    // Before and after the parser's own listener, which is there already.
    const before = () => {
      begun = performance.now();
    };
    const after = () => this.#took(socket, reading, performance.now() - begun);
    // Node's server resumes it for the rest of a body.
    const stay = () => {
      if (this.#waiting.has(socket)) socket.pause();
    };
    socket.prependListener('data', before).on('data', after).on('resume', stay);
    const stop = () => socket.off('data', before).off('data', after).off('resume', stay);
    const reading: Reading = { spentMs: 0, stop };
    this.#watched.set(socket, reading);
    socket.once('close', () => this.forget(socket));
  }

  /** It has sent the head of another request. */
  begin(socket: Socket): void {
    const reading = this.#watched.get(socket);
    if (reading !== undefined) reading.spentMs = 0;
  }

  /** It is no connection of HTTP any more. */
  forget(socket: Socket): void {
    this.#watched.get(socket)?.stop();
    this.#watched.delete(socket);
    this.#next.delete(socket);
    if (this.#waiting.delete(socket)) socket.resume();
  }

  #took(socket: Socket, reading: Reading, milliseconds: number): void {
    reading.spentMs += milliseconds;
    this.#usedMs += milliseconds;
    this.#next.delete(socket);
    this.#planNext();
    if (this.#isOver) this.#letWait(socket);
    else if (this.#usedMs > TURN_MS) this.#endTurn();
  }

  #planNext(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#isOver = false;
      this.#usedMs = 0;
      this.#readSome();
    });
  }

  #endTurn(): void {
    this.#isOver = true;
    for (const socket of this.#watched.keys()) this.#letWait(socket);
  }

  #letWait(socket: Socket): void {
    if (!this.#watched.has(socket) || this.#waiting.has(socket) || this.#next.has(socket) || !this.#mayWait(socket))
      return;
    this.#waiting.add(socket);
    socket.pause();
  }

  #readSome(): void {
    const isModest = (socket: Socket) => (this.#watched.get(socket)?.spentMs ?? 0) < LITTLE_MS;
    const modest = [...this.#waiting].filter(isModest).slice(0, READ_AT_ONCE);
    this.#next = new Set(modest.length > 0 ? modest : [...this.#waiting].slice(0, 1));
    for (const socket of this.#next) {
      this.#waiting.delete(socket);
      socket.resume();
    }
    if (this.#waiting.size > 0) this.#planNext();
  }
}
