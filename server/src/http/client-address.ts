import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Finds the addresses of clients, also behind trusted reverse proxies. */
export class ClientAddresses {
  readonly #proxies = new BlockList();

  /** `proxies`: addresses and subnets, as in "10.0.0.0/8", whose X-Forwarded-For is believed. */
  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) {
      const [address = '', prefix] = proxy.split('/');
      if (prefix === undefined) this.#proxies.addAddress(address, familyOf(address));
      else this.#proxies.addSubnet(address, Number(prefix), familyOf(address));
    }
  }

  isProxy(address: string): boolean {
    return isIP(address) !== 0 && this.#proxies.check(address, familyOf(address));
  }

  /**
   * The sender of a request: the last address in the chain that is not a trusted proxy. Earlier ones could be forged.
   */
  of({ headers, socket }: IncomingMessage): string {
    let client = plainAddress(socket.remoteAddress);
    const chain = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    while (this.isProxy(client)) {
      const before = plainAddress(chain.pop()?.trim());
      if (isIP(before) === 0) break;
      client = before;
    }
    return client;
  }
}

/** Writes an IPv4 address as such, also if it came as an IPv4-mapped IPv6 address. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

/** The network of one client: an IPv4 address, or an IPv6 /64, since everybody gets 2^64 addresses. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(Boolean).length;
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...(tail?.split(':') ?? [])];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
