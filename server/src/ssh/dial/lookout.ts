import { connect, type Socket } from 'node:net';

/** An address to which a TCP connection is opened. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** 0: any. */
  readonly family: 0 | 4 | 6;
  /** The local address to connect from; absent: any. */
  readonly localAddress: string | undefined;
}

/** An open connection, which the next attempt uses, so that the server sees only one. */
export interface Opened extends Address {
  readonly socket: Socket;
}

/**
 * The pause between two probes, in ms, by the time since the connection was lost or needed; null: no more probes. Slow
 * enough after the first minutes for firewalls that allow four connections a minute.
 */
const PACE: readonly { readonly untilMs: number; readonly everyMs: number }[] = [
  { untilMs: 20_000, everyMs: 300 },
  { untilMs: 120_000, everyMs: 2_000 },
  { untilMs: 30 * 60_000, everyMs: 20_000 },
];
/** How long it probes quickly after the connection was needed. */
const WANTED_MS = 10_000;
const LOOK_TIMEOUT_MS = 3_000;

/** Probes an address where nothing listened, with one TCP connection at a time and without a login. */
export class Lookout {
  readonly #onOpen: (opened: Opened) => void;
  #address: Address | undefined;
  /** When the pace began. */
  #since = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #socket: Socket | undefined;

  /** `onOpen` takes over the socket, which ends the probes. */
  constructor(onOpen: (opened: Opened) => void) {
    this.#onOpen = onOpen;
  }

  /** Nothing listened there at the last try, so that another one reaches no server. */
  get isLooking(): boolean {
    return this.#address !== undefined;
  }

  /** The connection was lost just now: the pace begins. */
  lost(): void {
    this.#since = performance.now();
  }

  /** Nothing listened there a moment ago. */
  start(address: Address): void {
    this.stop();
    this.#address = address;
    this.#plan();
  }

  /** The connection is needed: probes at once, if it probes at all, and quickly for a while. */
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
    // Its end reports the outcome.
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
