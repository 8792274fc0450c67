import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aJob } from '../domain/testing.ts';
import { JobReader } from '../store/job-reader.ts';
import { SocketClient, Stage } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage[Symbol.asyncDispose]());

/** No more operations than a connection may have, of two in each. */
const ROUNDS = 90;
const job = aJob({ state: 'RUNNING' });
const id = encodeGlobalID('Job', job.id);

/** Each is another document, so that each that runs is counted. */
const events = (number: number) => `subscription { jobEvents { cursor } } # ${number}`;
const status = (number: number) => `subscription { jobStatus(id: "${id}") { state } } # ${number}`;
const wait = (number: number) => `{ job(id: "${id}", waitUntilOverSeconds: 300) { state } } # ${number}`;

const begin = (name: string, query: string) => ({ id: name, type: 'subscribe', payload: { query } });
const end = (name: string) => ({ id: name, type: 'complete' });
const rounds = (round: (number: number) => readonly object[]) => Array.from({ length: ROUNDS }, (_, at) => round(at));

const connect = async () => {
  const client = new SocketClient(stage.address);
  await client.init();
  return client;
};

/** What is sent in one piece, and how many operations its client still follows then. */
const ATTACKS: readonly (readonly [string, number, () => readonly object[]])[] = [
  [
    'one id again and again',
    1,
    () => [
      ...rounds((at) => [begin('a', events(at)), end('a')])
        .flat()
        .slice(0, -1),
    ],
  ],
  ['one id, and all of it completed', 0, () => rounds((at) => [begin('a', events(at)), end('a')]).flat()],
  [
    'one id for what the store has to be asked for',
    1,
    () =>
      rounds((at) => [begin('a', status(at)), end('a')])
        .flat()
        .slice(0, -1),
  ],
  [
    'two ids, each completed behind the other',
    2,
    () =>
      rounds((at) => [begin('a', events(2 * at)), begin('b', events(2 * at + 1)), end('b'), end('a')])
        .flat()
        .slice(0, -2),
  ],
  [
    'one id for queries and subscriptions in turn',
    0,
    () => rounds((at) => [begin('a', events(at)), end('a'), begin('a', '{ viewer { name } }'), end('a')]).flat(),
  ],
  [
    'one id for what is refused and what is not',
    1,
    () =>
      rounds((at) => [begin('a', 'subscription { none }'), end('a'), begin('a', events(at)), end('a')])
        .flat()
        .slice(0, -1),
  ],
  ['an id completed twice', 0, () => rounds((at) => [begin('a', events(at)), end('a'), end('a')]).flat()],
];

describe('an id that is used again in one piece with its end', () => {
  it.each(ATTACKS)('leaves nothing behind that nobody follows: %s', async (_what, followed, messages) => {
    await stage.create([job]);
    const running = async () => [
      await stage.figure('slurmql_subscriptions'),
      await stage.figure('slurmql_shared_subscriptions'),
    ];
    const client = await connect();
    client.sendTogether([...messages(), begin('last', '{ viewer { name } }')]);
    await client.until(() => client.messages.some((message) => message.id === 'last' && message.type === 'complete'));
    await expect.poll(running, { timeout: 10_000 }).toEqual([followed, followed]);
    client.socket.terminate();
    await expect.poll(running, { timeout: 10_000 }).toEqual([0, 0]);
  });

  it('leaves no query behind that waits', async () => {
    await stage.create([job]);
    const client = await connect();
    const waiting = () => stage.figure('slurmql_waiting_requests');
    client.sendTogether(
      rounds((at) => [begin('a', wait(at)), end('a')])
        .flat()
        .slice(0, -1),
    );
    await expect.poll(waiting, { timeout: 10_000 }).toBe(1);
    client.send(end('a'));
    await expect.poll(waiting, { timeout: 10_000 }).toBe(0);
    client.send(begin('a', wait(0)));
    await expect.poll(waiting, { timeout: 10_000 }).toBe(1);
    client.socket.terminate();
    await expect.poll(waiting, { timeout: 10_000 }).toBe(0);
  });

  it('begins nothing that was completed before', async () => {
    const follow = vi.spyOn(stage.journal, 'follow');
    const before = follow.mock.calls.length;
    const client = await connect();
    client.sendTogether([
      ...rounds((at) => [begin('a', events(at)), end('a')]).flat(),
      begin('b', '{ viewer { name } }'),
    ]);
    await client.until(() => client.messages.some(({ type }) => type === 'complete'));
    await stage.figure('slurmql_subscriptions');
    expect(follow.mock.calls.length).toBe(before);
    client.socket.terminate();
  });

  it('answers the last operation alone, and once', async () => {
    const client = await connect();
    client.sendTogether([
      ...rounds(() => [begin('a', '{ viewer { name } }'), end('a')]).flat(),
      begin('a', '{ __typename }'),
      begin('b', '{ viewer { name } }'),
    ]);
    const ofLast = () => client.messages.filter((message) => message.id === 'a');
    await client.until(() => client.messages.filter(({ type }) => type === 'complete').length === 2);
    expect(ofLast()).toEqual([
      { id: 'a', type: 'next', payload: { data: { __typename: 'Query' } } },
      { id: 'a', type: 'complete' },
    ]);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    client.socket.terminate();
  });

  it.each([
    ['large queries', () => '{ jobs(first: 500) { nodes { name } } }'],
    [
      'queries for many values',
      () => `{ ${Array.from({ length: 30 }, (_, at) => `a${at}: jobs(first: 50) { nodes { id name } }`).join(' ')} }`,
    ],
    ['counts beside long lists', () => '{ jobs(first: 400) { totalCount nodes { name } } }'],
    ['lists beside other fields', () => '{ jobs(first: 450) { nodes { name } } viewer { name } }'],
    ['searches', () => '{ jobs(first: 300, filter: { search: "nothing of this kind" }) { nodes { name } } }'],
  ])('ends nothing else of its connection where it waits for a place: %s', async (_what, query) => {
    const answer = Promise.withResolvers<never>();
    // A store that takes its time, which a real one does under load alone.
    const slow = vi.spyOn(JobReader.prototype, 'page').mockImplementation(() => answer.promise);
    const client = await connect();
    const all = Array.from({ length: 6 }, (_, at) => `a${at}`);
    client.sendTogether(all.map((name) => begin(name, query())));
    const waiting = () => stage.figure('slurmql_large_operations_waiting');
    await expect.poll(waiting).toBe(4);
    client.sendTogether([...all.slice(2).map(end), begin('last', '{ viewer { name } }')]);
    await expect.poll(waiting).toBe(0);
    await client.until(() => client.messages.some((message) => message.id === 'last' && message.type === 'complete'));
    slow.mockRestore();
    answer.reject(new Error('a disk that broke'));
    await client.until(() => client.messages.some((message) => message.id === 'a1' && message.type === 'complete'));
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    client.socket.terminate();
  });

  it('evades no limit: what has still to end counts', async () => {
    await stage.create([job]);
    const answer = Promise.withResolvers<null>();
    // A store that takes its time, which a real one does under load alone.
    const slow = vi.spyOn(JobReader.prototype, 'get').mockImplementation(() => answer.promise);
    const client = await connect();
    for (const begun of [ROUNDS, 2 * ROUNDS]) {
      client.sendTogether(rounds((at) => [begin(`${at}`, status(at))]).flat());
      await expect.poll(() => slow.mock.calls.length).toBe(begun);
      client.sendTogether(rounds((at) => [end(`${at}`)]).flat());
    }
    client.sendTogether(rounds((at) => [begin(`${at}`, status(at))]).flat());
    await client.until(() => client.messages.some(({ type }) => type === 'error'));
    expect(client.messages.at(-1)).toMatchObject({ payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
    slow.mockRestore();
    answer.resolve(null);
    await expect
      .poll(async () => {
        client.subscribe(`again ${client.messages.length}`, '{ viewer { name } }');
        await client.until(() => client.messages.length > 2);
        return client.messages.some(({ type }) => type === 'next');
      })
      .toBe(true);
    client.socket.terminate();
  });
});
