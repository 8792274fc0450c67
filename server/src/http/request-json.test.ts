import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MOST_VALUES, TooManyValues, weightOf } from './request-json.ts';
import { SocketClient, Stage, TOKEN } from './testing.ts';
import { MAX_PING_LENGTH } from './transport-protocol.ts';

const A_VALUE = weightOf(Buffer.from('[]'));

describe('what a JSON text weighs', () => {
  it.each([
    ['a text', '"[{,"', 0],
    ['a text with quotes', '"\\"[{,\\\\"', 0],
    ['a text that does not end', '"[[[[', 0],
    ['a text that ends behind an escape', '"[[[[\\', 0],
    ['a long text', `"${'['.repeat(100)}"`, 0],
    ['a long text with quotes', `["${'['.repeat(100)}\\"[", "["]`, 2],
    ['a long text with quotes behind escapes', `["${'['.repeat(100)}\\\\", "["]`, 2],
    ['a long text that ends behind an escape', `"${'['.repeat(100)}\\`, 0],
    ['a text whose escape is where the search begins', `["${'['.repeat(15)}\\"[", "${'['.repeat(16)}\\"[", "["]`, 3],
    ['a long text that does not end', `"${'['.repeat(100)}`, 0],
    ['many short texts', '["a", "", "b\\"", "\\\\"]', 4],
    ['a list', '[1, 2, 3]', 3],
    ['an object', '{"a,": "{", "b": null}', 2],
    ['what lies in others', '[[[]], {"a": [{}]}]', 7],
    ['no JSON', ',,,', 3],
  ])('%s', (_what, json, values) => {
    expect(weightOf(Buffer.from(json))).toBe(values * A_VALUE);
  });

  it('is bounded', () => {
    expect(() => weightOf(Buffer.from(`[${'0,'.repeat(MOST_VALUES)}0]`))).toThrow(TooManyValues);
    expect(() => weightOf(Buffer.from('['.repeat(1024 * 1024)))).toThrow(TooManyValues);
    expect(weightOf(Buffer.from(`[${'0,'.repeat(MOST_VALUES - 1)}0]`))).toBe(MOST_VALUES * A_VALUE);
  });
});

/** JSON that takes a multiple of its own length once it is parsed. */
const GROWING: Readonly<Record<string, string>> = {
  'empty objects': `[${'{},'.repeat(300_000)}0]`,
  'empty lists': `[${'[],'.repeat(300_000)}0]`,
  'lists of numbers': `[${'[1],'.repeat(200_000)}0]`,
  'objects of a key each': `[${Array.from({ length: 60_000 }, (_, at) => `{"k${at}":0}`).join()}]`,
  'an object of many keys': `{${Array.from({ length: 70_000 }, (_, at) => `"k${at}":0`).join()}}`,
  'lists in lists': `${'['.repeat(400_000)}${']'.repeat(400_000)}`,
};
const PLACES: Readonly<Record<string, (json: string) => string>> = {
  extensions: (json) => `{"query": "{ viewer { id } }", "extensions": {"a": ${json}}}`,
  variables: (json) => `{"query": "{ viewer { id } }", "variables": {"a": ${json}}}`,
  'an unknown parameter': (json) => `{"query": "{ viewer { id } }", "more": ${json}}`,
  'the whole request': (json) => json,
};
const cases = Object.entries(GROWING).flatMap(([what, json]) =>
  Object.entries(PLACES).map(([where, place]): [string, string, string] => [what, where, place(json)]),
);

describe('a request that grows when it is parsed', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open();
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  it.each(cases)('is refused as it is: %s as %s', async (_what, _where, body) => {
    const answer = await fetch(`${stage.address}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body,
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      {
        errors: [
          { message: `A request contains at most ${MOST_VALUES} values`, extensions: { code: 'LIMIT_EXCEEDED' } },
        ],
      },
    ]);
  });

  it.each([
    ...Object.entries(GROWING).map(([what, json]): [string, string] => [
      `a request with ${what}`,
      `{"id": "1", "type": "subscribe", "payload": {"query": "{ viewer { id } }", "extensions": {"a": ${json}}}}`,
    ]),
    ['a ping with objects', `{"type": "ping", "payload": {"a": ${GROWING['empty objects']}}}`],
    ['a long ping', JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(MAX_PING_LENGTH) } })],
  ])('closes a WebSocket, with the reason: %s', async (_what, message) => {
    const client = new SocketClient(stage.address);
    await client.init();
    const closed = new Promise<readonly [number, string]>((resolve) => {
      client.socket.once('close', (code: number, reason: Buffer) => resolve([code, String(reason)]));
    });
    client.socket.send(message);
    expect(await closed).toEqual([4400, expect.stringMatching(/ at most [\d]+ (values|characters)$/)]);
  });
});

describe('messages of a WebSocket', () => {
  it('are handled in their order, however many come at once', async () => {
    await using stage = await Stage.open();
    const client = new SocketClient(stage.address);
    await client.init();
    const pings = Array.from({ length: 5000 }, (_, at) => ({ type: 'ping', payload: { at } }));
    client.sendTogether(pings);
    await client.until(() => client.messages.length === pings.length + 1);
    expect(client.messages.slice(1).map((message) => (message as { payload?: { at?: number } }).payload?.at)).toEqual(
      pings.map(({ payload }) => payload.at),
    );
    client.socket.terminate();
  });
});
