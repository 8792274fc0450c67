import { EventEmitter } from 'node:events';
import type { Client } from 'ssh2';
import { deafen } from './deafen.ts';

/** What the server may still send on a channel (ssh2 1.17, lib/Channel.js, lib/protocol/SFTP.js, lib/client.js). */
export interface Incoming {
  readonly window: number;
  /** `eof`: it has said that this is all. */
  readonly state: 'open' | 'eof' | 'closed';
}

export interface OpenChannel extends EventEmitter {
  readonly incoming: Incoming;
  readonly stderr?: unknown;
  end(): unknown;
  close(): unknown;
}

/** All channels of a client, by their numbers; those that the server hasn't opened yet are functions (lib/utils.js). */
interface ChannelManager {
  readonly _channels: Readonly<Record<number, OpenChannel | (() => void) | undefined>>;
  update(id: number, channel: OpenChannel): void;
}

/** Where a client keeps what is to be done with the answer to each global request (lib/client.js). */
interface Asking {
  readonly _callbacks: (() => void)[];
  readonly _protocol: { ping(): void };
}

export const OTHERWISE = 'this ssh2 has no place to watch what servers send: 1.17 is needed';

/** Undefined: no such channel is open. */
export function incomingOf(client: Client, channel: number): Incoming | undefined {
  return openChannel(client, channel)?.incoming;
}

/** The first error of each channel. */
const faults = new WeakMap<object, Error>();

/** What a channel failed with; it may have done so before anybody else could listen. Undefined: it hasn't. */
export function faultOf(channel: object): Error | undefined {
  return faults.get(channel);
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
    channel.on('error', (error: Error) => {
      if (!faults.has(channel)) faults.set(channel, error);
      deafen(channel);
    });
    if (channel.stderr instanceof EventEmitter) channel.stderr.on('error', () => {});
    update(id, channel);
  };
}

/**
 * Calls `request`, which asks for a channel, and returns a function that finds it for as long as it is open. Where a
 * server opens a channel and refuses what is to run on it, ssh2 reports that and leaves the channel open, neither closing
 * it nor handing it out. It would take one of the server's sessions for as long as the connection holds.
 */
export function requestChannel(client: Client, request: () => void): () => OpenChannel | undefined {
  const before = new Set(Object.keys(managerOf(client)._channels));
  request();
  const [added] = Object.keys(managerOf(client)._channels).filter((number) => !before.has(number));
  return () => (added === undefined ? undefined : openChannel(client, Number(added)));
}

/**
 * Calls `received` once the server has received all that was written so far, or the connection has ended: a server
 * answers global requests in their order (RFC 4254, section 4). It is asked as ssh2 asks for a sign of life.
 */
export function askReceipt(client: Client, received: () => void): void {
  const { _callbacks: callbacks, _protocol: protocol } = client as unknown as Partial<Asking>;
  if (!Array.isArray(callbacks) || typeof protocol?.ping !== 'function') throw new Error(OTHERWISE);
  callbacks.push(received);
  protocol.ping();
}

function openChannel(client: Client, channel: number): OpenChannel | undefined {
  const found = managerOf(client)._channels[channel];
  return typeof found === 'object' ? found : undefined;
}

function managerOf(client: Client): ChannelManager {
  const { _chanMgr: manager } = client as unknown as { readonly _chanMgr?: Partial<ChannelManager> };
  if (typeof manager?._channels !== 'object' || typeof manager.update !== 'function') throw new Error(OTHERWISE);
  return manager as ChannelManager;
}
