import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type Server } from 'graphql-ws';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { Authenticator, Session } from '../auth/index.ts';
import type { User } from '../domain/user.ts';
import {
  checkOperation,
  type ErrorCode,
  readDocument,
  type SharedSubscription,
  type SharedSubscriptions,
  type Sink,
  withCodeAlone,
} from '../graphql/index.ts';
import { BoundedLog, type Logger } from '../telemetry/index.ts';
import { accountOf, isUnlisted, refusalOf } from './access.ts';
import type { Attempts } from './attempts.ts';
import { Backlog } from './backlog.ts';
import { type Connections, NEWCOMER_MS } from './connections.ts';
import { type AllowedOrigins, ORIGIN_REFUSED } from './cors.ts';
import type { OpenStreams } from './open-streams.ts';
import { RateLimit } from './rate-limit.ts';
import { refuseUpgrade } from './raw-answer.ts';
import { renewal } from './session.ts';
import { readSessionCookie } from './session-cookie.ts';
import { KEY_PARAMETER } from './session-key.ts';
import { writeTextFrame } from './text-frame.ts';
import { serveConnection, type WebSocketConnection } from './websocket-connection.ts';
import type { GraphQLServer } from './yoga.ts';

export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** A client that doesn't answer a close is cut off. */
const CLOSE_TIMEOUT_MS = 5_000;
const GOING_AWAY = 1001;
const CONNECT_AGAIN = 1012;
/** Of faults on connections, with a credential or without. */
const LOG_LINES_A_MINUTE = 10;
export const MAX_OPERATIONS = 200;
/** An operation's id stands in each of its messages. */
export const MAX_ID_LENGTH = 1000;
/** Operations a connection may begin: at once, and a second in the long run. */
export const OPERATIONS_AT_ONCE = 400;
export const OPERATIONS_A_SECOND = 50;

/** What belongs to one connection; most of it once it is allowed. */
interface Extra extends WebSocketConnection {
  viewer?: User;
  account?: string;
  session?: Session | null;
  backlog?: Backlog;
  rate?: RateLimit;
  /** Aborted once it is closed. */
  signal?: AbortSignal;
}

export interface WebSocketOptions {
  readonly yoga: GraphQLServer;
  readonly subscriptions: SharedSubscriptions;
  readonly authenticator: Authenticator;
  readonly attempts: Attempts;
  readonly streams: OpenStreams;
  readonly origins: AllowedOrigins;
  readonly connections: Connections;
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
  readonly #server: Server<Extra>;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#log = new BoundedLog(options.log, LOG_LINES_A_MINUTE);
    // The browser keeps the cookie that comes with the handshake.
    this.#sockets.on('headers', (headers, request) => {
      // Nobody else learns by this whether a cookie is right.
      if (!options.attempts.knows(request)) return;
      const session = options.authenticator.sessions.read(readSessionCookie(request) ?? '');
      const cookie = renewal(request, session, options.authenticator);
      if (cookie !== null) headers.push(`Set-Cookie: ${cookie}`);
    });
    this.#sockets.on('wsClientError', (_fault, socket) =>
      refuseUpgrade(socket, '400 Bad Request\r\nSec-WebSocket-Version: 13, 8'),
    );
    const { yoga, subscriptions, authenticator, attempts, streams, origins, connections } = options;
    this.#server = makeServer<Record<string, unknown>, Extra>({
      connectionInitWaitTimeout: NEWCOMER_MS,
      // A refusal closes the socket with 4403.
      onConnect: ({ connectionParams, extra }) => {
        // It learns nothing of a token, and its guesses are not those of the user whose browser it is in.
        if (isUnlisted(extra.request, origins)) {
          extra.socket.close(CloseCode.Forbidden, ORIGIN_REFUSED);
          return false;
        }
        const said = {
          authorization: parameter(connectionParams, 'authorization'),
          key: parameter(connectionParams, KEY_PARAMETER),
        };
        const verdict = attempts.authenticate(extra.request, said);
        const { socket } = extra;
        const refusal = refusalOf(verdict, extra.request, origins);
        if (refusal !== null) {
          socket.close(CloseCode.Forbidden, refusal.message);
          return false;
        }
        if (verdict.kind !== 'viewer') return false;
        const stream = streams.add(
          verdict.session,
          () => socket.close(CloseCode.Forbidden, 'Forbidden'),
          () => socket.close(CONNECT_AGAIN, 'Connect again to renew the session'),
        );
        const closing = new AbortController();
        socket.once('close', () => {
          stream[Symbol.dispose]();
          closing.abort();
        });
        connections.prove(extra.request.socket);
        extra.signal = closing.signal;
        extra.viewer = verdict.viewer;
        extra.account = accountOf(verdict);
        extra.session = verdict.session;
        extra.backlog = new Backlog(extra.request.socket);
        extra.rate = new RateLimit(OPERATIONS_AT_ONCE, OPERATIONS_A_SECOND);
        return true;
      },
      onSubscribe: async ({ extra, subscriptions: open }, id, params) => {
        const { viewer, account, session, socket, signal } = extra;
        if (viewer === undefined || account === undefined || extra.backlog === undefined)
          return [refused('UNAUTHENTICATED', 'Not connected')];
        // What a client sends that doesn't heed the close still comes for as long as the closing handshake lasts.
        const isOver = session != null && !authenticator.sessions.isCurrent(session);
        if (isOver || socket.readyState !== socket.OPEN) return [refused('UNAUTHENTICATED', 'The session is over')];
        if (id.length > MAX_ID_LENGTH) {
          return [refused('LIMIT_EXCEEDED', `The id of an operation has at most ${MAX_ID_LENGTH} characters`)];
        }
        // This one is among them already.
        if (Object.keys(open).length > MAX_OPERATIONS) {
          return [refused('LIMIT_EXCEEDED', `A connection has at most ${MAX_OPERATIONS} operations at a time`)];
        }
        if (extra.rate?.take() === false) {
          const allowed = `at most ${OPERATIONS_A_SECOND} a second`;
          return [
            refused('RATE_LIMITED', `Too many operations were begun on this connection: ${allowed}. Wait a moment`),
          ];
        }
        const read = readDocument(params.query);
        if (!read.isValid) return read.errors;
        const checked = checkOperation(read.document, params.operationName, params.variables);
        if (checked.fault !== null) return [checked.fault];
        const { scale } = checked;
        const enveloped = yoga.getEnveloped({ viewer, account, params, scale, ...(signal && { signal }) });
        const args: ExecutionArgs = {
          schema: enveloped.schema,
          document: read.document,
          operationName: params.operationName ?? null,
          variableValues: params.variables ?? null,
          contextValue: await enveloped.contextFactory(),
        };
        const sink = new MessageSink(extra.socket, extra.request.socket, extra.backlog, id);
        const shared = { args, query: params.query, viewer, sink };
        const operation: Operation = { ...args, rootValue: { shared, execute: enveloped.execute } };
        return operation;
      },
      execute: (args) => (args as Operation).rootValue.execute({ ...args, rootValue: undefined }),
      subscribe: (args) => subscriptions.subscribe((args as Operation).rootValue.shared),
      onError: (_context, _id, _payload, errors) => errors.map((error) => withCodeAlone(error).toJSON()),
      onNext: (_context, _id, _payload, _args, { data, errors }) => {
        if (errors === undefined) return;
        return {
          ...(data === undefined ? {} : { data }),
          errors: errors.map((error) => withCodeAlone(error).toJSON()),
        };
      },
    });
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
      const extra: Extra = { socket: client, request, isAcknowledged: () => extra.viewer !== undefined };
      serveConnection(this.#server, extra, this.#options.connections, this.#log);
      readNoFasterThanIsRead(client, socket);
    });
  }

  /**
   * Tells clients that the server goes away, with a code (1001) on which they connect again. Resolves once all have
   * answered.
   */
  async stop(): Promise<void> {
    for (const client of this.#sockets.clients) client.close(GOING_AWAY, 'Going away');
    await new Promise((resolve) => this.#sockets.close(resolve));
  }

  /** Cuts those off that haven't. */
  cut(): void {
    for (const client of this.#sockets.clients) client.terminate();
  }
}

/**
 * Most messages are answered, be it a ping: while a client doesn't take the answers, it isn't asked for more. Before it
 * is allowed anything, too.
 */
function readNoFasterThanIsRead(client: WebSocket, stream: Duplex): void {
  const wait = () => {
    if (!stream.writableNeedDrain || client.isPaused) return;
    client.pause();
    stream.once('drain', () => client.resume());
  };
  client.on('message', wait);
  client.on('ping', wait);
}

/** What an operation is run with travels with the arguments that graphql-ws hands on. */
interface Operation extends ExecutionArgs {
  readonly rootValue: {
    readonly shared: SharedSubscription;
    readonly execute: ReturnType<GraphQLServer['getEnveloped']>['execute'];
  };
}

const END = Buffer.from('}');

/** Sends shared results as messages `next` of one operation: only the beginning differs from one client to another. */
class MessageSink implements Sink {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #backlog: Backlog;
  readonly #begin: Buffer;

  /** `stream`: what the WebSocket writes to. Without compression it holds nothing back, so frames may go past it. */
  constructor(socket: WebSocket, stream: Duplex, backlog: Backlog, operationId: string) {
    this.#socket = socket;
    this.#stream = stream;
    this.#backlog = backlog;
    this.#begin = Buffer.from(`{"id":${JSON.stringify(operationId)},"type":"next","payload":`);
  }

  send(result: Buffer): boolean {
    // Of one that is closing nothing more is expected: its operations end with it.
    if (this.#socket.readyState === this.#socket.OPEN) writeTextFrame(this.#stream, [this.#begin, result, END]);
    return !this.#backlog.isFull;
  }

  whenDrained(callback: () => void): void {
    this.#backlog.whenDrained(callback);
  }
}

function refused(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

function parameter(parameters: Readonly<Record<string, unknown>> | undefined, wanted: string): string | undefined {
  const entry = Object.entries(parameters ?? {}).find(([name]) => name.toLowerCase() === wanted);
  return typeof entry?.[1] === 'string' ? entry[1] : undefined;
}
