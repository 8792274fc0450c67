import type { Client } from 'ssh2';
import { OTHERWISE } from '../client-channels.ts';

/** What ssh2 (1.17) reads packets with and keeps meanwhile (lib/protocol/Protocol.js, lib/protocol/crypto.js). */
interface Protocol {
  readonly _packetRW: { read: PacketReader };
  /** None before the first packet. Each exchange of keys sets another. */
  _decipher: Decipher | undefined;
  /** Packets that wait for the end of an exchange of keys. */
  readonly _queue: readonly Buffer[] | undefined;
}
interface Decipher {
  /** Called for each packet. It is another function while keys are exchanged. */
  _onPayload: (payload: Buffer) => unknown;
}
interface PacketReader {
  read(payload: Buffer): Buffer;
  cleanup(): void;
}

export interface MessageListener {
  /** A packet has come, with a message of any length or none. What it throws ends the connection. */
  onPacket(): void;
  /** What ssh2 is to read in the place of a message that has come. What it throws ends the connection. */
  onMessage(message: Buffer): Buffer;
}

/**
 * Has a listener look at all that the server sends before ssh2 reads it. To be called between `connect` and the first
 * packet.
 *
 * @throws Error where ssh2 is built otherwise: a connection must not be made that nobody watches
 */
export function listenToMessages(client: Client, listener: MessageListener): void {
  const protocol = protocolOf(client);
  let reader = protocol._packetRW.read;
  const watched: PacketReader = {
    read: (payload) => listener.onMessage(reader.read(payload)),
    cleanup: () => reader.cleanup(),
  };
  // Each exchange of keys sets another.
  Object.defineProperty(protocol._packetRW, 'read', {
    get: () => watched,
    set: (next: PacketReader) => {
      reader = next;
    },
  });
  let decipher = protocol._decipher;
  Object.defineProperty(protocol, '_decipher', {
    get: () => decipher,
    set: (next: Decipher | undefined) => {
      decipher = next;
      if (next !== undefined) listenToPackets(next, listener);
    },
  });
}

/** The handler of messages isn't told of all packets: those without a message are dropped before while keys are exchanged. */
function listenToPackets(decipher: Decipher, listener: MessageListener): void {
  let onPayload = decipher._onPayload;
  if (typeof onPayload !== 'function') throw new Error(OTHERWISE);
  const counted = (payload: Buffer) => {
    listener.onPacket();
    return onPayload(payload);
  };
  Object.defineProperty(decipher, '_onPayload', {
    get: () => counted,
    set: (next: Decipher['_onPayload']) => {
      onPayload = next;
    },
  });
}

/** Something has come from the server, so it is not asked for a sign of life before the next interval is over. */
export function noteLife(client: Client): void {
  (client as unknown as { readonly _resetKA?: () => void })._resetKA?.();
}

/** How many bytes ssh2 holds back while keys are exchanged. */
export function heldBackBytes(client: Client): number {
  return protocolOf(client)._queue?.reduce((sum, { length }) => sum + length, 0) ?? 0;
}

function protocolOf(client: Client): Protocol {
  const { _protocol: protocol } = client as unknown as { readonly _protocol?: Partial<Protocol> };
  if (typeof protocol?._packetRW?.read?.read !== 'function' || !('_decipher' in protocol)) {
    throw new Error(OTHERWISE);
  }
  return protocol as Protocol;
}
