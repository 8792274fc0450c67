import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, OperationTypeNode } from 'graphql';
import { CloseCode, handleProtocols } from 'graphql-ws';
import { type ServerOptions, WebSocketServer } from 'ws';
import type { Authenticator, Session } from '../auth/index.ts';
import { TokenBucket } from '../domain/token-bucket.ts';
import { type Asker, type ErrorCode, type OperationRequest, type Operations, Seats } from '../graphql/index.ts';
import { BoundedLog, type Logger } from '../telemetry/index.ts';
import { askerOf, isUnlisted, refusalOf } from './access.ts';
import type { Attempts } from './attempts.ts';
import { Backlog } from './backlog.ts';
import type { Connections } from './connections.ts';
import { type AllowedOrigins, ORIGIN_REFUSED } from './cors.ts';
import { MessageSink, type Outlet } from './message-sink.ts';
import type { OpenStreams } from './open-streams.ts';
import { refuseUpgrade } from './raw-answer.ts';
import { type RequestBytes, TooManyRequests } from './request-bytes.ts';
import { renewal } from './session.ts';
import { readSessionCookies } from './session-cookie.ts';
import { KEY_PARAMETER } from './session-key.ts';
import type { Operation, Outcome, ProtocolHandlers } from './transport-protocol.ts';
import { serveConnection, type WebSocketConnection } from './websocket-connection.ts';

export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** A client that doesn't answer a close within this time is disconnected. */
const CLOSE_TIMEOUT_MS = 5_000;
const GOING_AWAY = 1001;
const CONNECT_AGAIN = 1012;
const TRY_AGAIN_LATER = 1013;
/** Limits log lines about faults on connections. */
const LOG_LINES_A_MINUTE = 10;
export const MAX_OPERATIONS = 200;
/** An operation's id stands in each of its messages. */
export const MAX_ID_LENGTH = 1000;
/** Operations a connection may begin: at once, and a second in the long run. */
export const OPERATIONS_AT_ONCE = 400;
export const OPERATIONS_A_SECOND = 50;

/** The account of connections before they are authenticated. */
const NEWCOMERS = 'newcomers';

/** An authenticated client. */
interface Allowed {
  readonly asker: Asker;
  readonly session: Session | null;
  readonly outlet: Outlet;
  readonly rate: TokenBucket;
}

export interface WebSocketOptions {
  readonly operations: Operations;
  readonly authenticator: Authenticator;
  readonly attempts: Attempts;
  readonly streams: OpenStreams;
  readonly origins: AllowedOrigins;
  readonly connections: Connections;
  readonly requestBytes: RequestBytes;
  readonly log: Logger;
}

/** graphql-transport-ws on the server's own port. */
export class WebSocketTransport {
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols,
  } as ServerOptions);
  readonly #options: WebSocketOptions;
  readonly #log: BoundedLog;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#log = new BoundedLog(options.log, LOG_LINES_A_MINUTE);
    // The browser keeps the cookie that comes with the handshake.
    this.#sockets.on('headers', (headers, request) => {
      // Only then, so that nobody else can test a cookie.
      if (!options.attempts.knows(request)) return;
      const { sessions } = options.authenticator;
      const session = sessions.read(sessions.choose(readSessionCookies(request), undefined) ?? '');
      const cookie = renewal(request, session, options.authenticator);
      if (cookie !== null) headers.push(`Set-Cookie: ${cookie}`);
    });
    this.#sockets.on('wsClientError', (_fault, socket) =>
      refuseUpgrade(socket, '400 Bad Request\r\nSec-WebSocket-Version: 13, 8'),
    );
  }

  /** How many sockets are open. */
  get size(): number {
    return this.#sockets.clients.size;
  }

  /** Takes over a socket whose client asked for the WebSocket protocol. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#options.streams.isFull) {
      refuseUpgrade(socket, '503 Service Unavailable\r\nRetry-After: 10');
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (client) => {
      let allowed: Allowed | null = null;
      const account = () => allowed?.asker.account ?? NEWCOMERS;
      const connection = {
        socket: client,
        request,
        isAcknowledged: () => allowed !== null,
        turn: () => this.#options.operations.turn({ account: account() }),
        hold: () => this.#options.requestBytes.hold(account()),
      };
      const handlers: ProtocolHandlers = {
        connect: (parameters) => {
          allowed = this.#admit(connection, parameters);
          return allowed !== null;
        },
        run: async (operation, { query, operationName, variables }, open) => {
          if (allowed === null) return [refused('UNAUTHENTICATED', 'Not connected')];
          using held = this.#options.requestBytes.hold(allowed.asker.account);
          try {
            held.take(operation.bytes);
          } catch (cause) {
            if (cause instanceof TooManyRequests) return [refused(cause.excess.code, cause.excess.message)];
            throw cause;
          }
          return await this.#run(connection, allowed, operation, { query, operationName, variables }, open);
        },
      };
      serveConnection(connection, handlers, this.#options.connections, this.#log);
    });
  }

  /** Null: it has been closed, with the reason. */
  #admit(
    { socket, request }: WebSocketConnection,
    parameters: Readonly<Record<string, unknown>> | undefined,
  ): Allowed | null {
    const { attempts, streams, origins, connections } = this.#options;
    // Such a page learns nothing about a token, and its guesses don't count as the user's.
    if (isUnlisted(request, origins)) {
      socket.close(CloseCode.Forbidden, ORIGIN_REFUSED);
      return null;
    }
    const said = {
      authorization: parameter(parameters, 'authorization'),
      key: parameter(parameters, KEY_PARAMETER),
    };
    const verdict = attempts.authenticate(request, said);
    const refusal = refusalOf(verdict, request, origins);
    if (refusal !== null) {
      socket.close(CloseCode.Forbidden, refusal.message);
      return null;
    }
    if (verdict.kind !== 'viewer') return null;
    const excess = streams.excess(verdict);
    if (excess !== null) {
      socket.close(TRY_AGAIN_LATER, excess.message);
      return null;
    }
    const stream = streams.add(
      verdict,
      () => socket.close(CloseCode.Forbidden, 'Forbidden'),
      () => socket.close(CONNECT_AGAIN, 'Connect again to renew the session'),
    );
    socket.once('close', () => stream[Symbol.dispose]());
    const asker = askerOf(verdict);
    connections.prove(request.socket, asker.account);
    const backlog = new Backlog(request.socket, (bytes) => connections.hold(request.socket, bytes));
    const rate = new TokenBucket(OPERATIONS_AT_ONCE, OPERATIONS_A_SECOND);
    return {
      asker,
      session: verdict.session,
      outlet: { backlog, seats: new Seats() },
      rate,
    };
  }

  async #run(
    { socket, request }: WebSocketConnection,
    { asker, session, outlet, rate }: Allowed,
    { id, signal }: Operation,
    wanted: OperationRequest,
    open: number,
  ): Promise<Outcome> {
    const { operations, authenticator } = this.#options;
    // A client that ignores the close may still send until the closing handshake ends.
    const isOver = session !== null && !authenticator.sessions.isCurrent(session);
    if (isOver || socket.readyState !== socket.OPEN) return [refused('UNAUTHENTICATED', 'The session is over')];
    if (id.length > MAX_ID_LENGTH) {
      return [refused('LIMIT_EXCEEDED', `The id of an operation has at most ${MAX_ID_LENGTH} characters`)];
    }
    if (open > MAX_OPERATIONS) {
      return [refused('LIMIT_EXCEEDED', `A connection has at most ${MAX_OPERATIONS} operations at a time`)];
    }
    if (!rate.take()) {
      const allowed = `at most ${OPERATIONS_A_SECOND} a second`;
      return [refused('RATE_LIMITED', `Too many operations were begun on this connection: ${allowed}. Wait a moment`)];
    }
    await operations.turn(asker);
    const prepared = operations.prepare(wanted);
    if (prepared.errors !== null) return prepared.errors;
    // Its `complete` may have arrived together with it.
    await undefined;
    if (signal.aborted) return [];
    if (prepared.kind !== OperationTypeNode.SUBSCRIPTION) return operations.run(prepared, { ...asker, signal });
    const sink = new MessageSink(socket, request.socket, outlet, id);
    return operations.subscribe(prepared, { ...asker, signal }, sink);
  }

  /**
   * Closes all connections with the code 1001 (going away), after which clients reconnect. Resolves once all have
   * answered.
   */
  async stop(): Promise<void> {
    for (const client of this.#sockets.clients) client.close(GOING_AWAY, 'Going away');
    await new Promise((resolve) => this.#sockets.close(resolve));
  }

  /** Disconnects those that haven't. */
  cut(): void {
    for (const client of this.#sockets.clients) client.terminate();
  }
}

function refused(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

function parameter(parameters: Readonly<Record<string, unknown>> | undefined, wanted: string): string | undefined {
  const entry = Object.entries(parameters ?? {}).find(([name]) => name.toLowerCase() === wanted);
  return typeof entry?.[1] === 'string' ? entry[1] : undefined;
}
