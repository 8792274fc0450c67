import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { isForeign } from './origin.ts';

function request(headers: Readonly<Record<string, string>>): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  Object.assign(message.headers, headers);
  return message;
}

const HOST = 'localhost:4000';

describe('a request', () => {
  it.each<[string, Record<string, string>]>([
    ['of the dashboard', { host: HOST, origin: 'http://localhost:4000', 'sec-fetch-site': 'same-origin' }],
    ['of an address that somebody typed', { host: HOST, 'sec-fetch-site': 'none' }],
    ['of a script, which has no origin', { host: HOST }],
    ['behind a proxy that speaks TLS', { host: 'slurmql.example.org', origin: 'https://slurmql.example.org' }],
    ['over IPv6', { host: '[::1]:4000', origin: 'http://[::1]:4000' }],
  ])('%s is our own', (_what, headers) => {
    expect(isForeign(request(headers))).toBe(false);
  });

  it.each<[string, Record<string, string>]>([
    ['of another site', { host: HOST, origin: 'https://evil.example.org', 'sec-fetch-site': 'cross-site' }],
    ['of another site in an older browser', { host: HOST, origin: 'https://evil.example.org' }],
    ['of another site that sends no origin, as for a picture', { host: HOST, 'sec-fetch-site': 'cross-site' }],
    ['of another port of this machine', { host: HOST, origin: 'http://localhost:8888', 'sec-fetch-site': 'same-site' }],
    // A notebook's page can show a picture from here, and its cookie would come along: ports don't count for SameSite.
    ['of another port that sends no origin', { host: HOST, 'sec-fetch-site': 'same-site' }],
    ['of a sandboxed frame', { host: HOST, origin: 'null' }],
    ['of a file', { host: HOST, origin: 'file://' }],
    ['of a host whose name begins like ours', { host: HOST, origin: 'http://localhost:4000.evil.example.org' }],
    ['of a name before ours', { host: HOST, origin: 'http://localhost:4000@evil.example.org' }],
    ['without a host', { origin: 'http://localhost:4000' }],
  ])('%s is foreign', (_what, headers) => {
    expect(isForeign(request(headers))).toBe(true);
  });
});
