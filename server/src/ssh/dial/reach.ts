import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { messageOf } from '../../domain/thrown.ts';
import { DialFailure, nobodyAt, refused, unreachable } from './failure.ts';
import type { Hop } from './hop.ts';
import type { Link } from './link.ts';
import type { Opened } from './lookout.ts';
import { explainedBy } from './not-followed.ts';

const ADDRESS_TIMEOUT_MS = 3_000;

/**
 * Opens a TCP connection to the first hop and makes it the link's socket. `opened`: a connection that may lead there.
 *
 * @throws DialFailure unreachable
 */
export async function reachDirectly(hop: Hop, link: Link, opened: Opened | undefined): Promise<Duplex> {
  const { host, port, family, localAddress } = hop;
  if (opened?.host === host && opened.port === port && opened.socket.writable) {
    link.addSocket(opened.socket);
    writeByTurns(opened.socket);
    return opened.socket;
  }
  opened?.socket.destroy();
  // Nagle's algorithm would delay small packets until an acknowledgement: 40 ms or more for every request.
  // Each address of a name gets more than Node's 250 ms: networks may be slower.
  const socket = connect({
    host,
    port,
    family,
    localAddress,
    noDelay: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
  });
  link.addSocket(socket);
  const connected = new Promise((resolve) => socket.once('connect', resolve));
  try {
    await Promise.race([connected, link.broken]);
  } catch (error) {
    const notFollowed = explainedBy(hop.notFollowed).replace(/\.$/, '');
    throw nobodyAt(
      { host, port, family, localAddress },
      `${host} port ${port} can't be reached: ${explain(error)}${notFollowed === '' ? '' : `.${notFollowed}`}`,
      error,
    );
  }
  writeByTurns(socket);
  return socket;
}

/**
 * ssh2 writes the length, the text and the tag of each packet separately: all that is written in one turn of the event
 * loop is sent with one system call.
 */
function writeByTurns(socket: Socket): void {
  const write = socket.write.bind(socket);
  const writeLater: Socket['write'] = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    return write(...(args as Parameters<Socket['write']>));
  };
  socket.write = writeLater;
}

function explain(error: unknown): string {
  // A name with several addresses fails with all their errors; the first is enough.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = first instanceof Error && 'code' in first ? first.code : undefined;
  switch (code) {
    case 'ENOTFOUND':
      return 'no such host name';
    case 'EAI_AGAIN':
      return 'the name server gives no answer';
    case 'ECONNREFUSED':
      return 'connection refused, no SSH server listens there';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way to it from this network';
    default:
      return messageOf(first);
  }
}

/** The reason code of a server that forbids a channel (RFC 4254 section 5.1). */
const ADMINISTRATIVELY_PROHIBITED = 1;

/**
 * Has a jump host connect to the next hop.
 *
 * @throws DialFailure
 */
export function reachThrough(link: Link, jumpHost: Client, jump: Hop, { host, port }: Hop): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    jumpHost.forwardOut('127.0.0.1', 0, host, port, (error, stream) => {
      if (error === undefined || error === null) resolve(stream);
      // This side has given the jump host up, and ssh2 knows only that there is no answer.
      else if (link.reason instanceof DialFailure) reject(link.reason);
      else if ('reason' in error && error.reason === ADMINISTRATIVELY_PROHIBITED) {
        reject(refused(`the jump host ${jump.label} doesn't forward connections (AllowTcpForwarding)`, error));
      } else {
        reject(unreachable(`the jump host ${jump.label} can't reach ${host} port ${port}: ${error.message}`, error));
      }
    });
  });
}
