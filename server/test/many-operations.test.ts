import { randomUUID } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { type Client, createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { aJob, aProject } from '../src/domain/testing.ts';
import { memoryDuring } from './support/memory.ts';
import { directoryOf } from './support/recorded.ts';
import { type GraphQLAnswer, TestServer, until } from './support/server.ts';
import { signIn } from './support/session.ts';

const MIB = 1024 ** 2;
const MANY = 16;
/** On one connection, at a time. */
const MOST_OPERATIONS = 200;
/** A few times what one of them takes. */
const MOST_MEMORY = 600 * MIB;
const project = aProject({ name: 'large' });
const jobs = Array.from({ length: 500 }, (_, index) =>
  aJob({ name: `job-${index}`, projectId: project.id, command: `run ${'y'.repeat(4000)}` }),
);

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n', await directoryOf({ project, jobs, script: 'z'.repeat(25_000) }));
});
afterAll(() => server[Symbol.asyncDispose]());

const times = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, at) => part(at)).join(' ');
/** No two are the same, so that each is answered by itself. */
const another = (query: string) => `${query} # ${randomUUID()}`;

/** Of much text, of many values, of large fields, and by ids: near what one operation is given. */
const LARGE = [
  `{ ${times(5, (at) => `a${at}: jobs(first: 500) { nodes { id command ${times(14, (field) => `f${field}: state`)} } }`)} }`,
  `{ jobs(first: 500) { nodes { ${times(90, (at) => `a${at}: id`)} } } }`,
  '{ jobs(first: 400) { nodes { script } } }',
  `{ nodes(ids: [${`"${encodeGlobalID('Project', project.id)}" `.repeat(6)}]) { ... on Project { jobs(first: 500) { nodes { id command } } } } }`,
];
const large = (index: number) => another(LARGE[index % LARGE.length] ?? '');

/** How an operation came out: with data, or with the code of its error. */
type Outcome = string;
const outcomeOf = ({ data, errors }: GraphQLAnswer<unknown>): Outcome =>
  errors === undefined ? (data == null ? 'nothing' : 'data') : String(errors[0]?.extensions?.['code']);

async function post(body: unknown, headers: Readonly<Record<string, string>> = bearer()): Promise<Outcome> {
  const response = await fetch(`${server.address}/graphql`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const outcome = outcomeOf((await response.json()) as GraphQLAnswer<unknown>);
  if (outcome === 'SERVER_BUSY') {
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
  }
  return outcome;
}

const bearer = () => ({ authorization: `Bearer ${server.token}` });

function connect(): Client {
  return createClient({
    url: `${server.address.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: bearer(),
    retryAttempts: 0,
    lazy: false,
  });
}

async function over(client: Client, query: string): Promise<Outcome> {
  for await (const answer of client.iterate({ query })) return outcomeOf(answer as GraphQLAnswer<unknown>);
  return 'nothing';
}

const many = (count: number, ask: (index: number) => Promise<Outcome>) =>
  Array.from({ length: count }, (_, at) => ask(at));

/** Each begins operations, and gives how they come out. */
const ATTACKS: Readonly<Record<string, () => Promise<Promise<Outcome>[]>>> = {
  'over as many connections': async () => many(MANY, (at) => post({ query: large(at) })),
  'over one WebSocket': async () => {
    const client = connect();
    const outcomes = many(MANY, (at) => over(client, large(at)));
    void Promise.all(outcomes).finally(() => client.dispose());
    return outcomes;
  },
  'over many WebSockets': async () => {
    const clients = Array.from({ length: MANY / 4 }, connect);
    const outcomes = clients.flatMap((client) => many(4, (at) => over(client, large(at))));
    void Promise.all(outcomes).finally(() => clients.map((client) => client.dispose()));
    return outcomes;
  },
  'in many sessions': async () => {
    const sessions = await Promise.all(Array.from({ length: MANY / 4 }, () => signIn(server.address, server.token)));
    return sessions.flatMap((session) => many(4, (at) => post({ query: large(at) }, { ...session })));
  },
  'as events of many subscriptions': async () => {
    const client = connect();
    const outcomes = many(MANY, (at) =>
      over(
        client,
        another(
          `subscription { jobEvents { job { id project { b${at}: name jobs(first: 500) { nodes { id command a: command } } } } } }`,
        ),
      ),
    );
    await over(client, '{ viewer { id } }');
    const archive = 'mutation ($id: ID!) { archiveJobs(input: { ids: [$id] }) { __typename } }';
    const answer = await server.send(archive, { id: encodeGlobalID('Job', jobs[0]?.id ?? '') });
    expect(answer.errors).toBeUndefined();
    void Promise.all(outcomes).finally(() => client.dispose());
    return outcomes;
  },
  'in one batch': async () => [post(Array.from({ length: MANY }, (_, at) => ({ query: large(at) })))],
};

async function figure(name: string): Promise<number> {
  const metrics = await fetch(`${server.address}/metrics`, { headers: bearer() });
  const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

const waiting = () => figure('slurmql_large_operations_waiting');

describe('many large operations at a time', () => {
  it.each(Object.entries(ATTACKS))('%s: take bounded memory, and no small one waits for them', async (_how, begin) => {
    let ended = 0;
    /** Of the large ones, while a small one waited for its answer. */
    const endedMeanwhile: number[] = [];
    let outcomes: Outcome[] = [];
    const memory = await memoryDuring(server, async () => {
      const begun = await begin();
      for (const outcome of begun) {
        void outcome.finally(() => {
          ended += 1;
        });
      }
      while (ended < begun.length) {
        const before = ended;
        const list = await server.send(another('{ jobs(first: 50) { nodes { id name state isActive partition } } }'));
        expect(list.errors).toBeUndefined();
        endedMeanwhile.push(ended - before);
        await pause(50);
      }
      outcomes = await Promise.all(begun);
    });
    expect([...new Set(outcomes)]).toEqual(outcomes.length === 1 ? ['BAD_REQUEST'] : ['data']);
    expect(Math.max(...endedMeanwhile)).toBeLessThan(MANY / 2);
    expect(memory).toBeLessThan(MOST_MEMORY);
    expect(await waiting()).toBe(0);
  });

  it('are refused beyond as many as may wait, and those of a client that leaves wait no longer', async () => {
    const client = connect();
    let refused = 0;
    const begun = many(MOST_OPERATIONS, async (at) => {
      const outcome = await over(client, large(at));
      if (outcome === 'SERVER_BUSY') refused += 1;
      return outcome;
    });
    const ended = Promise.allSettled(begun);
    await until(
      async () => refused,
      (count) => count > 0,
    );
    expect(await waiting()).toBeGreaterThan(0);
    expect(await post({ query: large(0) })).toBe('SERVER_BUSY');
    const session = await signIn(server.address, server.token);
    expect(await post({ query: large(1) }, { ...session })).toBe('data');
    await client.dispose();
    await ended;
    await until(waiting, (count) => count === 0);
    expect(await post({ query: large(0) })).toBe('data');
  });
});

/** Some 10 MB, found in no time. */
const SCRIPTS = () => another('{ jobs(first: 400) { nodes { script } } }');
const UNREAD = 60;

/** Asks one thing after the other without reading anything that comes. */
function askDeaf(...queries: readonly string[]): Socket {
  const socket = connectTcp(Number(new URL(server.address).port), '127.0.0.1');
  socket.on('error', () => undefined).pause();
  for (const query of queries) {
    const body = JSON.stringify({ query });
    const headers = `host: localhost\r\nauthorization: Bearer ${server.token}\r\ncontent-type: application/json`;
    socket.write(`POST /graphql HTTP/1.1\r\n${headers}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }
  return socket;
}

/** Asks as often over a WebSocket, and reads nothing but that it may. */
function askDeafOver(count: number): WebSocket {
  const socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: bearer() })));
  socket.once('message', () => {
    socket.pause();
    for (let id = 1; id <= count; id += 1) {
      socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query: SCRIPTS() } }));
    }
  });
  return socket;
}

/** Each asks for as much, reads nothing, and gives what ends it. */
const DEAF: Readonly<Record<string, () => (() => void)[]>> = {
  'over as many connections': () =>
    Array.from({ length: UNREAD }, () => askDeaf(SCRIPTS())).map((socket) => () => socket.destroy()),
  'one behind the other on few connections': () =>
    Array.from({ length: UNREAD / 6 }, () => askDeaf(...Array.from({ length: 6 }, SCRIPTS))).map(
      (socket) => () => socket.destroy(),
    ),
  'over one WebSocket': () => [askDeafOver(UNREAD)].map((socket) => () => socket.terminate()),
  'over many WebSockets': () =>
    Array.from({ length: UNREAD / 6 }, () => askDeafOver(6)).map((socket) => () => socket.terminate()),
  'by the same words': () => {
    const query = SCRIPTS();
    return Array.from({ length: UNREAD }, () => askDeaf(query)).map((socket) => () => socket.destroy());
  },
};

describe('large answers that nobody reads', () => {
  it.each(Object.entries(DEAF))('%s: are held up to a bound', async (_how, ask) => {
    const cut = () => figure('slurmql_cut_connections_total{why="untaken"}');
    const before = await cut();
    const ends = ask();
    await until(cut, (count) => count > before);
    await until(
      async () => (await figure('slurmql_large_operations')) + (await waiting()),
      (count) => count === 0,
    );
    expect(await figure('slurmql_untaken_bytes')).toBeLessThanOrEqual(128 * MIB);
    expect(await post({ query: SCRIPTS() })).toBe('data');
    for (const end of ends) end();
    await until(
      () => figure('slurmql_untaken_bytes'),
      (bytes) => bytes < MIB,
    );
  });
});
