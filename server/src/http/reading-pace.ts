import type { Socket } from 'node:net';

/** How long reading may hold the event loop at a time. One read more has begun by then: of 64 KiB, which takes some 20 ms. */
const TURN_MS = 8;
/** More is unusual for one request. */
const LITTLE_MS = 1;
/** Read in LITTLE_MS at most, also where it comes in chunks of a byte or in empty frames. */
const LITTLE_BYTES = 4 * 1024;
/** What a connection has taken counts until it has let others have so many times as much. */
const OTHERS_SHARE = 50;
/** The maximum number of bytes that wait for a turn, of all connections: full reads of a thousand. */
export const MOST_UNREAD_BYTES = 64 * 1024 ** 2;

/** Who reads from a connection since it was upgraded. */
export interface Reader {
  /** Whether it wants nothing now. It resumes the connection later. */
  isPaused(): boolean;
  /** False: it may not even be given so much more; it has closed the connection. */
  admits(bytes: number): boolean;
}

export interface ReadingPaceOptions {
  /** Whose credential it has sent last. Null: none, so others are read first. */
  accountOf(socket: Socket): string | null;
  /** Too much waits already. The connection has to be closed. */
  refuse(socket: Socket): void;
}

interface Reading {
  readonly socket: Socket;
  /** When what it has taken no longer counts. */
  paidAt: number;
  unreadBytes: number;
  reader: Reader | null;
  isRefused?: boolean;
}

/** How many accounts are remembered as read; the others come first. */
const MOST_ACCOUNTS = 1000;
/** All connections without a credential are one. */
const NEWCOMERS = '';

/** Of few bytes from a connection that has taken little; the same from a newcomer; the others. */
const RANKS = ['small', 'newcomer', 'large'] as const;
type Rank = (typeof RANKS)[number];

/**
 * Lets connections be read in turns of the event loop. Node reads whatever has arrived of all of them before anything
 * else runs, however long the parser of HTTP or of WebSockets takes for that. Once a turn is over, what arrives waits.
 */
export class ReadingPace {
  readonly #options: ReadingPaceOptions;
  readonly #watched = new WeakMap<Socket, Reading>();
  /** They are paused and have unread bytes, in the order in which they began to wait. */
  readonly #waiting = new Set<Socket>();
  /** Those that have unread bytes. */
  readonly #unread = new Set<Reading>();
  #unreadBytes = 0;
  /** Whose much was read, the one that waits for longest first. */
  readonly #served = new Set<string>();
  #usedMs = 0;
  #isPlanned = false;

  constructor(options: ReadingPaceOptions) {
    this.#options = options;
  }

  /** Until it is closed, whoever reads from it. */
  watch(socket: Socket): void {
    const reading: Reading = { socket, paidAt: 0, unreadBytes: 0, reader: null };
    this.#watched.set(socket, reading);
    // Then what arrives is pushed, not given to Node's parser directly (lib/_http_server.js, unconsume).
    socket.on('data', () => undefined);
    const push = socket.push.bind(socket);
    socket.push = (piece: Buffer | null, encoding) => {
      if (piece === null) return push(null);
      if (reading.reader?.admits(piece.length) === false) return false;
      if (this.#isOver && socket.readableFlowing === true) this.#letWait(socket);
      const hasRoom = this.#timed(reading, () => push(piece, encoding));
      this.#count(reading, socket.readableLength);
      if (socket.readableLength > LITTLE_BYTES) while (this.#unreadBytes > MOST_UNREAD_BYTES) this.#refuseLargest();
      return hasRoom;
    };
    // Node's server resumes it for the rest of a body, and a WebSocket once its client has read enough.
    socket.on('resume', () => {
      if (socket.readableFlowing === true && socket.readableLength > 0) this.#letWait(socket);
    });
    socket.once('close', () => {
      this.#waiting.delete(socket);
      // Otherwise its WebSocket would read the rest now, and many may be closed at once.
      while (socket.read() !== null);
      this.#count(reading, 0);
    });
  }

  /** Something else than Node's server reads from it now. */
  upgrade(socket: Socket, reader: Reader): void {
    const reading = this.#watched.get(socket);
    if (reading !== undefined) reading.reader = reader;
    // What came together with the request for the upgrade.
    if (socket.readableLength > 0) this.#letWait(socket);
  }

  get #isOver(): boolean {
    return this.#usedMs > TURN_MS;
  }

  #letWait(socket: Socket): void {
    this.#waiting.add(socket);
    socket.pause();
    this.#planTurn();
  }

  #planTurn(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#usedMs = 0;
      this.#readWaiting();
      if (this.#waiting.size > 0) this.#planTurn();
    });
  }

  #readWaiting(): void {
    const now = performance.now();
    const byRank = Object.groupBy(this.#waiting, (socket) => this.#rankOf(socket, now));
    for (const rank of RANKS) {
      const sockets = byRank[rank] ?? [];
      let isFirst = true;
      for (const socket of rank === 'large' ? this.#byTurns(sockets) : sockets) {
        // One of each rank is read in any case, so none waits for good.
        if (!isFirst && this.#isOver) break;
        isFirst = false;
        this.#read(socket);
      }
    }
  }

  /** Accounts take turns, however many connections wait of each: also over several turns of the event loop. */
  *#byTurns(sockets: readonly Socket[]): Generator<Socket, void, undefined> {
    const waiting = new Map(
      Object.entries(Object.groupBy(sockets, (socket) => this.#accountOf(socket))).map(([name, all = []]) => [
        name,
        all.values(),
      ]),
    );
    const known = [...this.#served].filter((name) => waiting.has(name));
    const inOrder = [...[...waiting.keys()].filter((name) => !this.#served.has(name)), ...known];
    for (let left = inOrder; left.length > 0; ) {
      const next: string[] = [];
      for (const name of left) {
        const socket = waiting.get(name)?.next().value;
        if (socket === undefined) continue;
        next.push(name);
        yield socket;
        // Not if the turn was over before it was read.
        this.#serve(name);
      }
      left = next;
    }
  }

  #serve(account: string): void {
    this.#served.delete(account);
    this.#served.add(account);
    const [longest] = this.#served;
    if (this.#served.size > MOST_ACCOUNTS && longest !== undefined) this.#served.delete(longest);
  }

  #rankOf(socket: Socket, now: number): Rank {
    const takesLittle = (this.#watched.get(socket)?.paidAt ?? 0) - now < LITTLE_MS * OTHERS_SHARE;
    if (!takesLittle || socket.readableLength > LITTLE_BYTES) return 'large';
    return this.#options.accountOf(socket) === null ? 'newcomer' : 'small';
  }

  #read(socket: Socket): void {
    this.#waiting.delete(socket);
    const reading = this.#watched.get(socket);
    if (reading === undefined || socket.destroyed || reading.reader?.isPaused()) return;
    // Before it is read: what reads from it may pause it again.
    socket.resume();
    do this.#timed(reading, () => socket.read());
    while (!this.#isOver && socket.readableFlowing === true && socket.readableLength > 0);
    this.#count(reading, socket.readableLength);
  }

  #timed<T>(reading: Reading, read: () => T): T {
    const begun = performance.now();
    const result = read();
    const now = performance.now();
    this.#usedMs += now - begun;
    reading.paidAt = Math.max(reading.paidAt, now) + (now - begun) * OTHERS_SHARE;
    this.#planTurn();
    return result;
  }

  #count(reading: Reading, bytes: number): void {
    // One that was refused has only to be closed.
    const unreadBytes = reading.isRefused ? 0 : bytes;
    this.#unreadBytes += unreadBytes - reading.unreadBytes;
    reading.unreadBytes = unreadBytes;
    if (unreadBytes === 0) this.#unread.delete(reading);
    else this.#unread.add(reading);
  }

  /** Of the account of which most waits, the connection of which most does; of equal ones, the last. */
  #refuseLargest(): void {
    const accounts = new Map<string, { bytes: number; largest: Reading }>();
    for (const reading of this.#unread) {
      const name = this.#accountOf(reading.socket);
      const account = accounts.get(name) ?? { bytes: 0, largest: reading };
      accounts.set(name, account);
      account.bytes += reading.unreadBytes;
      if (reading.unreadBytes >= account.largest.unreadBytes) account.largest = reading;
    }
    const [most, ...others] = accounts.values();
    if (most === undefined) return;
    const { largest } = others.reduce((left, right) => (right.bytes > left.bytes ? right : left), most);
    largest.isRefused = true;
    this.#count(largest, 0);
    this.#waiting.delete(largest.socket);
    this.#options.refuse(largest.socket);
  }

  #accountOf(socket: Socket): string {
    return this.#options.accountOf(socket) ?? NEWCOMERS;
  }
}
