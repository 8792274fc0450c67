import { refused } from './failure.ts';

/** A host as somebody asked for it: what is absent comes from the configuration. */
export interface Destination {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
}

/**
 * A `ProxyJump` list: `[user@]host[:port]`, also written `ssh://…`, separated by commas; `none` is an empty list.
 *
 * @param origin where the list stands, for the message
 * @throws DialFailure refused, for a list that can't be read
 */
export function parseJumps(list: string, origin: string): Destination[] {
  if (list.trim().toLowerCase() === 'none') return [];
  return list.split(',').map((part) => parseDestination(part.trim().replace(/^ssh:\/\/|\/$/g, ''), origin));
}

function parseDestination(text: string, origin: string): Destination {
  const at = text.lastIndexOf('@');
  const address = text.slice(at + 1);
  const [, bracketed, portBehind] = /^\[([^\]]+)\](?::(\d+))?$/.exec(address) ?? [];
  const [, plain, portOf] = /^([^:[]+)(?::(\d+))?$/.exec(address) ?? [];
  // More than one colon is a bare IPv6 address: only brackets can give that a port.
  const bare = address.split(':', 3).length > 2 && !address.startsWith('[') ? address : undefined;
  const host = bracketed ?? plain ?? bare;
  const port = portBehind ?? portOf;
  if (host === undefined || at === 0) throw refused(`${origin}: ${text} isn't a jump host: write [user@]host[:port]`);
  return {
    host,
    user: at < 0 ? undefined : text.slice(0, at),
    port: port === undefined ? undefined : parsePort(port, origin),
  };
}

/** @throws DialFailure refused, if it isn't one */
export function parsePort(text: string, origin: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw refused(`${origin}: ${text} isn't a port`);
  return port;
}
