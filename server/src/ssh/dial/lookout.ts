import { connect, type Socket } from 'node:net';

/** Where TCP connections are taken, or were not. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** 0: any. */
  readonly family: 0 | 4 | 6;
  /** The address to connect from, where it is not any. */
  readonly localAddress: string | undefined;
}

/** A connection that an address has taken, for the attempt that follows: no server is bothered in vain. */
export interface Opened extends Address {
  readonly socket: Socket;
}

/**
 * How long to wait between two looks, in ms, by how long ago the connection was lost or somebody wanted it: null, no
 * more looks. Slow enough after the first minutes for firewalls that let four connections a minute through.
 */
const PACE: readonly { readonly untilMs: number; readonly everyMs: number }[] = [
  { untilMs: 20_000, everyMs: 300 },
  { untilMs: 120_000, everyMs: 2_000 },
  { untilMs: 30 * 60_000, everyMs: 20_000 },
];
/** Whoever waits for the connection has it looked for quickly for so long. */
const WANTED_MS = 10_000;
const LOOK_TIMEOUT_MS = 3_000;

/** Looks whether anything listens at an address where nothing did: a TCP connection at a time, and no login. */
export class Lookout {
  readonly #onOpen: (opened: Opened) => void;
  #address: Address | undefined;
  /** What the pace counts from. */
  #since = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #socket: Socket | undefined;

  /** `onOpen` takes over the socket; the looks are over then. */
  constructor(onOpen: (opened: Opened) => void) {
    this.#onOpen = onOpen;
  }

  /** Nothing listened there when it was last tried: to try again bothers no server. */
  get isLooking(): boolean {
    return this.#address !== undefined;
  }

  /** The connection was lost just now: from here on the pace counts. */
  lost(): void {
    this.#since = performance.now();
  }

  /** Nothing listened there a moment ago. */
  start(address: Address): void {
    this.stop();
    this.#address = address;
    this.#plan();
  }

  /** Somebody waits: looks at once, if it looks at all, and quickly for a while. */
  wanted(): void {
    this.#since = Math.max(this.#since, performance.now() - (PACE[0]?.untilMs ?? 0) + WANTED_MS);
    if (this.#address !== undefined && this.#socket === undefined) this.#look(this.#address);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#address = undefined;
  }

  #plan(): void {
    const age = performance.now() - this.#since;
    const pace = PACE.find(({ untilMs }) => age < untilMs);
    const address = this.#address;
    if (pace === undefined || address === undefined) return;
    this.#timer = setTimeout(() => this.#look(address), pace.everyMs);
  }

  #look(address: Address): void {
    clearTimeout(this.#timer);
    const socket = connect({ ...address, noDelay: true, timeout: LOOK_TIMEOUT_MS });
    this.#socket = socket;
    // What becomes of it is told by its end.
    const ignore = () => undefined;
    socket.on('error', ignore);
    socket.once('timeout', () => socket.destroy());
    socket.once('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#plan();
    });
    socket.once('connect', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#address = undefined;
      socket.setTimeout(0);
      this.#onOpen({ ...address, socket });
    });
  }
}
