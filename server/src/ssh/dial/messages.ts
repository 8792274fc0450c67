import { EventEmitter } from 'node:events';
import type { Client } from 'ssh2';
import { deafen } from '../deafen.ts';

/** What ssh2 (1.17) reads packets with and keeps meanwhile (lib/protocol/Protocol.js, lib/protocol/zlib.js). */
interface Protocol {
  /** Called for each packet with a message of any length, unless keys are exchanged. */
  _onPacket: () => void;
  readonly _packetRW: { read: PacketReader };
  /** Packets that wait for the end of an exchange of keys. */
  readonly _queue: readonly Buffer[] | undefined;
}
interface PacketReader {
  read(payload: Buffer): Buffer;
  cleanup(): void;
}

/** What the server may still send on a channel (lib/Channel.js, lib/protocol/SFTP.js, lib/client.js). */
export interface Incoming {
  readonly window: number;
  /** `eof`: it has said that this is all. */
  readonly state: 'open' | 'eof' | 'closed';
}
interface OpenChannel extends EventEmitter {
  readonly incoming: Incoming;
  readonly stderr?: unknown;
}

/** All channels of a client, by their numbers; those that the server hasn't opened yet are functions (lib/utils.js). */
interface ChannelManager {
  readonly _channels: Readonly<Record<number, OpenChannel | (() => void) | undefined>>;
  update(id: number, channel: OpenChannel): void;
}

const OTHERWISE = 'this ssh2 has no place to watch what servers send: 1.17 is needed';

export interface MessageListener {
  /** A packet has come. Those of an exchange of keys aren't told. */
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
  protocol._onPacket = () => listener.onPacket();
}

/** How many bytes ssh2 holds back while keys are exchanged. */
export function heldBackBytes(client: Client): number {
  return protocolOf(client)._queue?.reduce((sum, { length }) => sum + length, 0) ?? 0;
}

/** Undefined: no such channel is open. */
export function incomingOf(client: Client, channel: number): Incoming | undefined {
  const found = managerOf(client)._channels[channel];
  return typeof found === 'object' ? found.incoming : undefined;
}

/**
 * Has every channel survive its errors, from the moment that it opens, and read nothing after one: an error that nobody
 * listens to ends the process, and ssh2 hands no channel out before the server has granted what is to run on it. To be
 * called when `connect` was.
 */
export function outliveErrors(client: Client): void {
  const manager = managerOf(client);
  const update = manager.update.bind(manager);
  manager.update = (id, channel) => {
    channel.on('error', () => deafen(channel));
    if (channel.stderr instanceof EventEmitter) channel.stderr.on('error', () => {});
    update(id, channel);
  };
}

function managerOf(client: Client): ChannelManager {
  const { _chanMgr: manager } = client as unknown as { readonly _chanMgr?: Partial<ChannelManager> };
  if (typeof manager?._channels !== 'object' || typeof manager.update !== 'function') throw new Error(OTHERWISE);
  return manager as ChannelManager;
}

function protocolOf(client: Client): Protocol {
  const { _protocol: protocol } = client as unknown as { readonly _protocol?: Partial<Protocol> };
  if (typeof protocol?._packetRW?.read?.read !== 'function' || typeof protocol._onPacket !== 'function') {
    throw new Error(OTHERWISE);
  }
  return protocol as Protocol;
}
