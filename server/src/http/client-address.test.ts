import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ClientAddresses, networkOf, plainAddress } from './client-address.ts';

const addresses = new ClientAddresses(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);

function from(peer: string, forwarded?: string): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return addresses.of({ headers, socket: { remoteAddress: peer } } as unknown as IncomingMessage);
}

describe('a client is', () => {
  it.each([
    ['192.0.2.1', undefined, '192.0.2.1'],
    ['::ffff:192.0.2.1', undefined, '192.0.2.1'],
    // Nobody's word but a proxy's is taken.
    ['192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['127.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['::ffff:127.0.0.1', '198.51.100.7', '198.51.100.7'],
    // What stands before the last hop was sent by the client itself.
    ['127.0.0.1', '203.0.113.9, 198.51.100.7', '198.51.100.7'],
    ['127.0.0.1', '203.0.113.9, 198.51.100.7, 10.1.2.3', '198.51.100.7'],
    ['fd00::1', '2001:db8::5', '2001:db8::5'],
    ['127.0.0.1', undefined, '127.0.0.1'],
    ['127.0.0.1', 'unknown', '127.0.0.1'],
    ['127.0.0.1', '198.51.100.7, "; drop', '127.0.0.1'],
  ])('over %s, forwarded for %s: %s', (peer, forwarded, client) => {
    expect(from(peer, forwarded)).toBe(client);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:0db8:0001::', '2001:db8:1:0::/64'],
    ['', ''],
  ])('counted for %s as %s', (address, network) => {
    expect(networkOf(plainAddress(address))).toBe(network);
  });
});
