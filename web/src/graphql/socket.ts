import { type Client, createClient } from 'graphql-ws';
import { type Accessor, createSignal } from 'solid-js';
import { isUnauthenticatedClose } from './errors.ts';
import { sessionKey } from './session-key.ts';

export interface ConnectionState {
  readonly status: 'connecting' | 'live' | 'reconnecting';
  /** When it entered this status, in milliseconds; a series of failed attempts counts as one. */
  readonly since: number;
}

export interface Socket {
  readonly client: Client;
  readonly connection: Accessor<ConnectionState>;
  /** Calls back each time a connection is made, the first and every later one; returns what ends that. */
  onConnected(listener: () => void): () => void;
  close(): void;
}

const KEEP_ALIVE_MS = 10_000;
/** A server that doesn't answer a ping within this time counts as gone. */
const PONG_TIMEOUT_MS = 5_000;
const MAX_RETRY_WAIT_MS = 3_000;

/** One WebSocket for every subscription of the page; it reconnects for as long as it has subscribers. */
export function createSocket(url: string, onUnauthenticated: () => void): Socket {
  const [connection, setConnection] = createSignal<ConnectionState>({ status: 'connecting', since: Date.now() });
  let pongTimer: ReturnType<typeof setTimeout> | undefined;

  const client = createClient({
    url,
    // A browser sends no headers of ours with a WebSocket.
    connectionParams: () => ({ session: sessionKey() }),
    keepAlive: KEEP_ALIVE_MS,
    lazyCloseTimeout: KEEP_ALIVE_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: (event) => !isUnauthenticatedClose(event),
    retryWait,
    on: {
      connected: () => setConnection({ status: 'live', since: Date.now() }),
      closed: (event) => {
        clearTimeout(pongTimer);
        if (isUnauthenticatedClose(event)) onUnauthenticated();
        setConnection((last) =>
          last.status === 'reconnecting' ? last : { status: 'reconnecting', since: Date.now() },
        );
      },
      // graphql-ws sends pings but does nothing when no answer comes.
      ping: (received) => {
        if (!received) pongTimer = setTimeout(() => client.terminate(), PONG_TIMEOUT_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
    },
  });

  // The machine has lost its network: no need to wait for a ping that goes unanswered.
  const onOffline = (): void => client.terminate();
  addEventListener('offline', onOffline);

  return {
    client,
    connection,
    onConnected: (listener) => client.on('connected', listener),
    close: () => {
      clearTimeout(pongTimer);
      removeEventListener('offline', onOffline);
      // It rejects with the close event of a connection that was never made: then there is nothing to close.
      Promise.resolve(client.dispose()).catch(() => undefined);
    },
  };
}

/**
 * Waits before attempt `retries` + 1. The library's own wait doubles without end; this one stops at some seconds,
 * is spread so that many dashboards don't come back at once, and ends when the machine is back on its network.
 */
async function retryWait(retries: number): Promise<void> {
  const longest = Math.min(MAX_RETRY_WAIT_MS, 250 * 2 ** Math.min(retries, 10));
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, longest * (0.5 + Math.random() / 2));
    function finish(): void {
      clearTimeout(timer);
      removeEventListener('online', finish);
      resolve();
    }
    addEventListener('online', finish);
  });
}
