import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BoundedLog, type Logger, type Metrics } from '../telemetry/index.ts';
import { type ClientAddresses, networkOf, plainAddress } from './client-address.ts';
import { type Reader, ReadingPace } from './reading-pace.ts';

/**
 * The maximum number of connections without a credential. Beyond it, the oldest is closed rather than the newest
 * refused: a client with a credential sends it in the first moments, so no flood keeps it out, not even one from its
 * own address.
 */
export const MOST_NEWCOMERS = 512;
export const MOST_NEWCOMERS_OF_AN_ADDRESS = 256;
/** Time limit for a client without a credential: for a head, the body of a sign-in, a WebSocket's `connection_init`. */
export const NEWCOMER_MS = 5_000;
/** Unanswered requests of a connection. Browsers and libraries wait for an answer before they send the next one. */
const MOST_UNANSWERED = 8;
/** A client that has read nothing for this long is disconnected. */
export const STALLED_MS = 20_000;
/** The maximum number of buffered bytes of answers, for all clients together. */
export const MOST_UNTAKEN_BYTES = 128 * 1024 ** 2;
const SHORT_BYTES = 64 * 1024;
const CHECK_INTERVAL_MS = 5_000;
const LOG_LINES_A_MINUTE = 4;

interface Connection {
  readonly address: string;
  /** Whose credential it has sent last; null: none yet. */
  account: string | null;
  /** Requests whose answers have not been sent completely. */
  readonly unanswered: Set<ServerResponse>;
  /** How much its client had read, and since when it has read no more. */
  progress: string;
  takenAt: number;
  /** Bytes of answers that are buffered for it. */
  untakenBytes: number;
}

/** All TCP connections of the server, with their limits. */
export class Connections {
  readonly #addresses: ClientAddresses;
  readonly #log: BoundedLog;
  readonly #cut: Metrics['cutConnections'];
  readonly #open = new Map<Socket, Connection>();
  /** The oldest first. */
  readonly #newcomers = new Set<Socket>();
  readonly #newcomersByNetwork = new Map<string, Set<Socket>>();
  #timer: NodeJS.Timeout | undefined;
  /** Connections with buffered answers. */
  readonly #untaken = new Set<Socket>();
  readonly #pace = new ReadingPace({
    accountOf: (socket) => this.#open.get(socket)?.account ?? null,
    refuse: (socket) => this.#destroy(socket, 'unread', 'Closed a connection, because clients sent too much at once'),
  });
  #untakenBytes = 0;
  #isCutPlanned = false;

  constructor(addresses: ClientAddresses, log: Logger, metrics: Metrics) {
    this.#addresses = addresses;
    this.#log = new BoundedLog(log, LOG_LINES_A_MINUTE);
    this.#cut = metrics.cutConnections;
    metrics.gauge('slurmql_connections', 'Open TCP connections.', () => this.#open.size);
    metrics.gauge('slurmql_newcomers', 'Open TCP connections without a credential.', () => this.#newcomers.size);
    metrics.gauge(
      'slurmql_untaken_bytes',
      'Bytes of answers that are buffered until clients read them.',
      () => this.#untakenBytes,
    );
  }

  start(): void {
    this.#timer = setInterval(() => this.#cutStalled(), CHECK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Resets all connections: after an orderly end, a client could mistake half an answer for a whole one. */
  reset(): void {
    for (const socket of this.#open.keys()) socket.resetAndDestroy();
  }

  add(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    this.#open.set(socket, {
      address,
      account: null,
      unanswered: new Set(),
      progress: '',
      takenAt: performance.now(),
      untakenBytes: 0,
    });
    this.#newcomers.add(socket);
    const neighbours = this.#newcomersByNetwork.get(networkOf(address)) ?? new Set();
    // Behind a proxy there are many clients at one address.
    if (!this.#addresses.isProxy(address)) this.#newcomersByNetwork.set(networkOf(address), neighbours.add(socket));
    socket.once('close', () => this.#closed(socket));
    this.#pace.watch(socket);
    if (this.#newcomers.size > MOST_NEWCOMERS || neighbours.size > MOST_NEWCOMERS_OF_AN_ADDRESS) this.#planCut();
  }

  /** The connection has sent a right credential, of this account. */
  prove(socket: Socket, account: string): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) connection.account = account;
    this.#age(socket);
  }

  /** It is a newcomer no longer. */
  #age(socket: Socket): void {
    if (!this.#newcomers.delete(socket)) return;
    const network = networkOf(this.#open.get(socket)?.address ?? '');
    const neighbours = this.#newcomersByNetwork.get(network);
    neighbours?.delete(socket);
    if (neighbours?.size === 0) this.#newcomersByNetwork.delete(network);
  }

  /** False: too many earlier requests are unanswered; the request gets no answer and its connection is closed. */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    const connection = this.#open.get(socket);
    // It arrived together with a request that caused the connection to be closed.
    if (connection === undefined || socket.destroyed) return false;
    if (connection.unanswered.size >= MOST_UNANSWERED) {
      stopParsing(socket);
      this.#destroy(socket, 'pipelined', 'Closed a connection that sent many requests without waiting for answers');
      return false;
    }
    connection.unanswered.add(response);
    response.once('close', () => connection.unanswered.delete(response));
    // The rest of a body is read and discarded for a while, so that the client gets to read the answer.
    response.once('finish', () => {
      if (request.complete) return;
      const timer = setTimeout(() => socket.destroy(), NEWCOMER_MS);
      request.once('close', () => clearTimeout(timer));
    });
    return true;
  }

  /** False: earlier answers are pending, which could not be separated from what follows; the connection is closed. */
  admitUpgrade(socket: Socket): boolean {
    // Node no longer handles it.
    socket.on('error', () => socket.destroy());
    if (this.#open.get(socket)?.unanswered.size === 0) return true;
    socket.destroy();
    return false;
  }

  /** It is read in turns as before. */
  upgraded(socket: Socket, reader: Reader): void {
    this.#pace.upgrade(socket, reader);
  }

  /**
   * An answer waits for its client, until it is released. Beyond the limit, the client that has read nothing for
   * longest is disconnected; among several, the one with the most buffered bytes.
   */
  hold(socket: Socket, bytes: number): Disposable {
    const connection = this.#open.get(socket);
    if (connection === undefined || socket.destroyed) return { [Symbol.dispose]: () => undefined };
    this.#untaken.add(socket);
    this.#count(socket, connection, bytes);
    while (this.#untakenBytes > MOST_UNTAKEN_BYTES) this.#cutSlowest();
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld && this.#untaken.has(socket)) this.#count(socket, connection, -bytes);
        isHeld = false;
      },
    };
  }

  /** The same for a response, until it was read or its client has left. The system takes a short one at once. */
  holdResponse({ socket }: IncomingMessage, response: ServerResponse, bytes: number): void {
    // Not the response's own socket: a response that waits behind others has none yet.
    if (bytes <= SHORT_BYTES) return;
    const held = this.hold(socket, bytes);
    response.once('close', () => held[Symbol.dispose]());
  }

  #count(socket: Socket, connection: Connection, bytes: number): void {
    this.#untakenBytes += bytes;
    connection.untakenBytes += bytes;
    if (connection.untakenBytes === 0) this.#untaken.delete(socket);
  }

  #cutSlowest(): void {
    const now = performance.now();
    let slowest: { readonly socket: Socket; readonly idleMs: number; readonly bytes: number } | null = null;
    for (const socket of this.#untaken) {
      const connection = this.#open.get(socket);
      if (connection === undefined) continue;
      const [idleMs, bytes] = [idleFor(socket, connection, now), connection.untakenBytes];
      if (slowest === null || idleMs > slowest.idleMs || (idleMs === slowest.idleMs && bytes > slowest.bytes)) {
        slowest = { socket, idleMs, bytes };
      }
    }
    if (slowest === null) return;
    this.#destroy(slowest.socket, 'untaken', 'Closed a connection, because clients read too little of their answers');
  }

  /**
   * Ends all pending answers of the connection. After an upgrade or a CONNECT, Node ends only the current answer: those
   * waiting behind it would never end (lib/_http_server.js, onParserExecuteCommon).
   */
  #closed(socket: Socket): void {
    this.#forget(socket);
    const connection = this.#open.get(socket);
    this.#open.delete(socket);
    for (const response of connection?.unanswered ?? []) response.destroy();
  }

  /** The connection is closed, or about to be. */
  #forget(socket: Socket): void {
    this.#age(socket);
    const connection = this.#open.get(socket);
    if (connection === undefined || !this.#untaken.delete(socket)) return;
    this.#untakenBytes -= connection.untakenBytes;
    connection.untakenBytes = 0;
  }

  /** Runs after the next read, so that connections whose credential has arrived no longer count as newcomers. */
  #planCut(): void {
    if (this.#isCutPlanned) return;
    this.#isCutPlanned = true;
    // One turn of the event loop accepts them, and one reads.
    setImmediate(() => setImmediate(() => this.#cutNewcomers()));
  }

  #cutNewcomers(): void {
    this.#isCutPlanned = false;
    for (const sockets of this.#newcomersByNetwork.values()) this.#cutOldest(sockets, MOST_NEWCOMERS_OF_AN_ADDRESS);
    this.#cutOldest(this.#newcomers, MOST_NEWCOMERS);
  }

  #cutOldest(sockets: ReadonlySet<Socket>, most: number): void {
    let excess = sockets.size - most;
    for (const socket of sockets) {
      if (excess <= 0) return;
      excess -= 1;
      this.#destroy(socket, 'newcomer', 'Closed connections without a credential, because there were too many');
    }
  }

  /** Connections whose client does not read what is buffered for it. */
  #cutStalled(): void {
    const now = performance.now();
    for (const [socket, connection] of this.#open) {
      if (idleFor(socket, connection, now) >= STALLED_MS) {
        this.#destroy(socket, 'stalled', 'Closed a connection whose client stopped reading');
      }
    }
  }

  #destroy(socket: Socket, why: 'newcomer' | 'pipelined' | 'stalled' | 'unread' | 'untaken', message: string): void {
    this.#cut.inc({ why });
    this.#log.warn({ address: this.#open.get(socket)?.address }, message);
    this.#forget(socket);
    socket.destroy();
  }
}

/** How long its client has read nothing, as of the last check; 0: nothing is buffered. */
function idleFor(socket: Socket, connection: Connection, now: number): number {
  const progress = progressOf(socket);
  if (progress !== connection.progress || socket.writableLength === 0) {
    connection.progress = progress;
    connection.takenAt = now;
  }
  return now - connection.takenAt;
}

/**
 * Changes whenever the system takes more of the buffer. A stream counts a write only when all of it was taken; Node
 * reads the rest of the current write for its own timeouts (lib/net.js, Socket._onTimeout).
 */
function progressOf(socket: Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }): string {
  return `${socket.bytesWritten - socket.writableLength} ${socket._handle?.writeQueueSize}`;
}

/**
 * Node parses everything that it has read of a connection, up to thousands of requests, and keeps each until it is
 * closed. A 2 tells its parser to stop, as after an upgrade (lib/_http_common.js, parserOnHeadersComplete).
 */
function stopParsing(socket: Socket): void {
  const { parser } = socket as Socket & { parser?: { onIncoming: (() => number) | null } | null };
  if (parser) parser.onIncoming = () => 2;
}
