import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signIn } from '../../test/support/session.ts';
import { aJob } from '../domain/testing.ts';
import { OPEN_SUBSCRIPTIONS as LIMITS } from '../graphql/live/open-subscriptions.ts';
import { MAX_LENGTH } from '../graphql/live/shared-subscriptions.ts';
import { readDocument } from '../graphql/read-document.ts';
import { SocketClient, Stage, TOKEN } from './testing.ts';
import { MAX_OPERATIONS } from './websocket.ts';

let stage: Stage;
let clients: SocketClient[];
beforeEach(async () => {
  stage = await Stage.open();
  clients = [];
});
afterEach(async () => {
  for (const { socket } of clients) socket.terminate();
  await stage[Symbol.asyncDispose]();
});

interface Asked {
  readonly query: string;
  readonly variables?: object;
}

const EVENTS = 'subscription ($filter: JobFilter) { jobEvents(filter: $filter) { cursor } }';
/** Near the most words that a document may have. */
const wordy = (number: number): Asked => ({
  query: `subscription { jobEvents(filter: { states: [${'FAILED '.repeat(4950)}] }) { cursor } } # ${number}`,
});
/** As long as may be, with its variables. */
const search = (length: number) => ({ filter: { search: 'x'.repeat(length) } });
const longVariables = (): Asked => ({ query: EVENTS, variables: search(MAX_LENGTH - lengthOf(search(0))) });
const longText = (number: number): Asked => ({ query: `${EVENTS} # ${number} `.padEnd(MAX_LENGTH - 2, 'x') });
const short = (): Asked => ({ query: EVENTS });
const lengthOf = (variables: object) => EVENTS.length + JSON.stringify(variables).length;

const first = readDocument(wordy(0).query);
const words = first.isValid ? (first.document.tokenCount ?? 0) : 0;
const KINDS: readonly (readonly [string, number, number, (number: number) => Asked])[] = [
  ['subscriptions', LIMITS.ofAccount, LIMITS.inAll, short],
  ['words', Math.floor(LIMITS.tokensOfAccount / words), Math.floor(LIMITS.tokensInAll / words), wordy],
  [
    'characters of variables',
    LIMITS.charactersOfAccount / MAX_LENGTH,
    LIMITS.charactersInAll / MAX_LENGTH,
    longVariables,
  ],
  ['characters of documents', LIMITS.charactersOfAccount / MAX_LENGTH, LIMITS.charactersInAll / MAX_LENGTH, longText],
];

type Credential = Readonly<Record<string, string>>;
const bearer: Credential = { authorization: `Bearer ${TOKEN}` };
const session = async (): Promise<Credential> => ({ ...(await signIn(stage.address, TOKEN)) });

/** Over as many connections as they need. Gives the codes of those that are refused, once the others are open. */
async function open(asked: readonly Asked[], credential: Credential = bearer): Promise<string[]> {
  const before = await stage.figure('slurmql_subscriptions');
  const used: SocketClient[] = [];
  for (let from = 0; from < asked.length; from += MAX_OPERATIONS) {
    const client = new SocketClient(stage.address, { headers: credential === bearer ? {} : credential });
    used.push(client);
    await client.init(credential === bearer ? bearer : {});
    for (const [at, payload] of asked.slice(from, from + MAX_OPERATIONS).entries()) {
      client.send({ id: String(at), type: 'subscribe', payload });
    }
  }
  clients.push(...used);
  const refusals = () => used.flatMap(({ messages }) => messages.map(codeOf).filter((code) => code !== ''));
  const opened = async () => (await stage.figure('slurmql_subscriptions')) - before + refusals().length;
  await expect.poll(opened, { timeout: 50_000 }).toBe(asked.length);
  return refusals();
}

const codeOf = (message: object) => /"code":"(\w+)"/.exec(JSON.stringify(message))?.[1] ?? '';
const many = (count: number, kind: (number: number) => Asked, from = 0) =>
  Array.from({ length: count }, (_, at) => kind(from + at));
const codes = (count: number, code: string) => Array.from({ length: count }, () => code);

describe('what subscriptions may hold', () => {
  it.each(KINDS)('of %s has a bound for each account and for all, and room again once they end', async (...kind) => {
    const [, most, mostInAll, asked] = kind;
    expect(await open(many(most, asked))).toEqual([]);
    expect(await open(many(5, asked, most))).toEqual(codes(5, 'LIMIT_EXCEEDED'));
    for (let from = most; from < mostInAll; from += most) {
      expect(await open(many(Math.min(most, mostInAll - from), asked, from), await session())).toEqual([]);
    }
    expect(await open(many(5, asked, mostInAll), await session())).toEqual(codes(5, 'SERVER_BUSY'));
    for (const { socket } of clients) socket.terminate();
    await expect.poll(() => stage.figure('slurmql_subscriptions'), { timeout: 30_000 }).toBe(0);
    expect(await open(many(5, asked))).toEqual([]);
  });

  it('is bounded for server-sent events alike, which say so', async () => {
    const most = Math.floor(LIMITS.tokensOfAccount / words);
    expect(await open(many(most, wordy))).toEqual([]);
    const response = await fetch(`${stage.address}/graphql`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(wordy(most)),
    });
    const text = await response.text();
    expect(text).toContain('LIMIT_EXCEEDED');
    expect(text).toContain('end some first');
  });

  it('counts equal documents once', async () => {
    expect(await open(Array.from({ length: 300 }, () => wordy(0)))).toEqual([]);
    const most = Math.floor(LIMITS.tokensOfAccount / words);
    expect(await open(many(most - 1, wordy, 1))).toEqual([]);
    expect(await open([wordy(0)])).toEqual([]);
    expect(await open([wordy(most)])).toEqual(['LIMIT_EXCEEDED']);
  });
});

describe('a subscription over HTTP', () => {
  it.each([
    'text/event-stream',
    'TEXT/EVENT-STREAM',
    'text/ event-stream',
    'Text/Event-Stream;q=0.5, application/json',
    ' text/* ',
    '*/*',
    '',
    'multipart/mixed',
    'MULTIPART/MIXED, application/json',
    'application/json',
    'x-text/event-stream',
  ])('is counted as all are, or refused: Accept %j', async (accept) => {
    const leaving = new AbortController();
    const send = (variables: object) =>
      fetch(`${stage.address}/graphql`, {
        method: 'POST',
        headers: { ...bearer, 'content-type': 'application/json', accept },
        body: JSON.stringify({ query: EVENTS, variables }),
        signal: leaving.signal,
      });
    const before = await stage.figure('slurmql_subscriptions');
    const response = await send(search(1));
    if (/json|multipart/.test(response.headers.get('content-type') ?? '')) {
      expect(await response.text()).toContain('"code":"NOT_ACCEPTABLE"');
    } else {
      expect(response.headers.get('content-type')).toMatch('text/event-stream');
      await expect.poll(() => stage.figure('slurmql_subscriptions')).toBe(before + 1);
      expect(await (await send(search(MAX_LENGTH))).text()).toContain('LIMIT_EXCEEDED');
    }
    leaving.abort();
    await expect.poll(() => stage.figure('slurmql_subscriptions')).toBe(before);
  });
});

describe('a long answer to a query', () => {
  it.each(['application/json', 'text/event-stream', 'multipart/mixed', '*/*', 'TEXT/EVENT-STREAM'])(
    'is counted until it is taken, whatever it is sent as: Accept %s',
    async (accept) => {
      const command = 'x'.repeat(32_000);
      await stage.create(Array.from({ length: 120 }, (_, at) => aJob({ id: `long ${at}`, command })));
      const query = '{ jobs(first: 120) { nodes { command a: command b: command } } }';
      const body = JSON.stringify({ query, variables: { accept } });
      const { hostname, port } = new URL(stage.address);
      const client = connect(Number(port), hostname).pause();
      const head = ['POST /graphql HTTP/1.1', 'host: localhost', `authorization: Bearer ${TOKEN}`, `accept: ${accept}`];
      client.write(
        `${[...head, 'content-type: application/json', `content-length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`,
      );
      await expect.poll(() => stage.figure('slurmql_untaken_bytes')).toBeGreaterThan(2_000_000);
      client.destroy();
      await expect.poll(() => stage.figure('slurmql_untaken_bytes')).toBe(0);
    },
  );
});
