import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { BoundedLog } from '../telemetry/index.ts';
import { type Connections, NEWCOMER_MS } from './connections.ts';
import { Inbox, type InboxOptions } from './inbox.ts';
import type { Reader } from './reading-pace.ts';
import { TooManyRequests } from './request-bytes.ts';
import { TooManyValues, weightOf } from './request-json.ts';
import { type ProtocolHandlers, TransportProtocol } from './transport-protocol.ts';

/** A client that hasn't answered a ping by the next one is disconnected. */
const PING_INTERVAL_MS = 12_000;
/** Before `connection_init`, which holds a credential and little else. */
export const MOST_NEWCOMER_BYTES = 16 * 1024;
/** A closing frame has 125, with the code's (RFC 6455, 5.5.1). */
const MOST_REASON_BYTES = 123;
/** Time for a client to receive the reason of the close. */
const FAREWELL_MS = 1_000;

const TRY_AGAIN_LATER = 1013;

export interface WebSocketConnection extends Pick<InboxOptions, 'turn' | 'hold'> {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** Whether `connection_init` has been accepted. */
  isAcknowledged(): boolean;
}

/** Speaks graphql-transport-ws over a WebSocket. */
export function serveConnection(
  connection: WebSocketConnection,
  handlers: ProtocolHandlers,
  connections: Connections,
  log: BoundedLog,
): void {
  const { socket, request, turn, hold } = connection;
  // The library answers violations of the WebSocket protocol with a code.
  socket.on('error', () => undefined);
  if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
    socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable');
  }
  const pings = pingRegularly(socket, request.socket);
  const protocol = new TransportProtocol(
    {
      // A message that can't be sent is no error: the client has left.
      send: async (text) => {
        using _held = connections.hold(request.socket, text.length);
        await new Promise<void>((resolve) => socket.send(text, () => resolve()));
      },
      close: (code, reason) => socket.close(code, shortened(reason)),
    },
    handlers,
  );
  const receive = async (message: Buffer) => {
    try {
      await protocol.receive(String(message), message.length + weightOf(message));
    } catch (cause) {
      if (cause instanceof TooManyValues) return socket.close(CloseCode.BadRequest, cause.message);
      log.error({ err: cause }, 'A message over WebSocket could not be answered');
      socket.close(CloseCode.InternalServerError, 'Internal server error');
    }
  };
  const refuse = (cause: unknown) => {
    if (!(cause instanceof TooManyRequests)) throw cause;
    socket.close(TRY_AGAIN_LATER, shortened(cause.message));
    setTimeout(() => socket.terminate(), FAREWELL_MS).unref();
  };
  new Inbox({ socket, stream: request.socket, turn, hold, read: (message) => void receive(message), refuse });
  socket.once('close', () => {
    pings[Symbol.dispose]();
    protocol.end();
  });
  connections.upgraded(request.socket, boundNewcomer(connection));
}

/** A reason may repeat what a client has sent; the library throws where it is too long for a frame. */
function shortened(reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MOST_REASON_BYTES));
  return reason.slice(0, read);
}

function pingRegularly(socket: WebSocket, stream: Duplex): Disposable {
  let isAwaited = false;
  socket.on('pong', () => {
    isAwaited = false;
  });
  const timer = setInterval(() => {
    if (isAwaited) {
      // It may wait behind what the client is still reading; connections.ts disconnects one that reads nothing.
      if (stream.writableLength === 0) socket.terminate();
    } else if (socket.readyState === socket.OPEN) {
      isAwaited = true;
      socket.ping();
    }
  }, PING_INTERVAL_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Before the acknowledgement, a connection may take neither memory nor time, even if the client ignores the close. */
function boundNewcomer({ socket, request, isAcknowledged }: WebSocketConnection): Reader {
  let bytes = 0;
  const admits = (length: number) => {
    if (isAcknowledged()) return true;
    bytes += length;
    if (bytes > MOST_NEWCOMER_BYTES) socket.terminate();
    return bytes <= MOST_NEWCOMER_BYTES;
  };
  // What came together with the handshake.
  admits(request.socket.readableLength);
  const deadline = setTimeout(() => {
    if (!isAcknowledged()) socket.terminate();
  }, NEWCOMER_MS + FAREWELL_MS);
  socket.once('close', () => clearTimeout(deadline));
  return { isPaused: () => socket.isPaused, admits };
}
