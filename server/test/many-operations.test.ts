import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { type Client, createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { aJob, aProject } from '../src/domain/testing.ts';
import { memoryDuring } from './support/memory.ts';
import { folderOf } from './support/recorded.ts';
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
  server = await TestServer.start('clusters: {}\n', await folderOf({ project, jobs, script: 'z'.repeat(25_000) }));
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

async function waiting(): Promise<number> {
  const metrics = await fetch(`${server.address}/metrics`, { headers: bearer() });
  return Number(/^slurmql_large_operations_waiting (\d+)/m.exec(await metrics.text())?.[1]);
}

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
