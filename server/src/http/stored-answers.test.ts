import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aJob } from '../domain/testing.ts';
import { Stage, TOKEN } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage[Symbol.asyncDispose]());

async function post(body: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}
const LIST = { query: '{ jobs { nodes { name state reason } } }' };

describe('the same query sent again', () => {
  it('tells of every change at once', async () => {
    const job = aJob({ reason: '0' });
    await stage.create([job]);
    for (let number = 1; number <= 20; number += 1) {
      await stage.change(job.id, { reason: String(number) });
      for (let again = 0; again < 3; again += 1) {
        const { data } = (await (await post(LIST)).json()) as { data: { jobs: { nodes: { reason: string }[] } } };
        expect(data.jobs.nodes[0]?.reason).toBe(String(number));
      }
    }
    await stage.create([aJob({ name: 'second' })]);
    expect((await (await post(LIST)).json()).data.jobs.nodes).toHaveLength(2);
  });

  it('is answered once for all who send it at the same time', async () => {
    await stage.create([aJob()]);
    const answers = await Promise.all(Array.from({ length: 50 }, async () => (await post(LIST)).text()));
    expect(new Set(answers).size).toBe(1);
  });

  it('moves on with the time', async () => {
    const job = aJob({ state: 'RUNNING', startedAt: new Date(Date.now() - 5000) });
    await stage.create([job]);
    const elapsed = async () =>
      (await (await post({ query: '{ jobs { nodes { elapsedSeconds } } }' })).json()).data.jobs.nodes[0].elapsedSeconds;
    const first = await elapsed();
    await expect.poll(elapsed, { timeout: 20_000 }).toBeGreaterThan(first);
  });

  it('needs its credential each time', async () => {
    expect((await post(LIST)).status).toBe(200);
    expect((await post(LIST, { authorization: 'Bearer wrong' })).status).toBe(401);
  });
});

describe('a query that is large', () => {
  const large = {
    query: '{ jobs(first: 500, filter: { search: "nowhere", includeArrayTasks: true }) { totalCount } }',
  };
  const places = async () =>
    (await stage.figure('slurmql_large_operations')) + (await stage.figure('slurmql_large_operations_waiting'));

  beforeEach(async () => {
    const command = 'x'.repeat(30_000);
    for (let batch = 0; batch < 10; batch += 1) {
      await stage.create(Array.from({ length: 100 }, (_, index) => aJob({ command, name: `${batch} ${index}` })));
    }
  });

  it('gives up its place once all who asked for it have left, and is answered to who asks then', async () => {
    const leaving = new AbortController();
    const asked = Array.from({ length: 40 }, (_, index) =>
      fetch(`${stage.address}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        // Each by two clients.
        body: JSON.stringify({ query: large.query.replace('nowhere', `nowhere-${Math.floor(index / 2)}`) }),
        signal: leaving.signal,
      }).catch(() => null),
    );
    await expect.poll(places).toBeGreaterThan(2);
    leaving.abort();
    await Promise.all(asked);
    await expect.poll(places, { timeout: 5_000 }).toBe(0);
    const again = { query: large.query.replace('nowhere', 'nowhere-19') };
    expect(await (await post(again)).json()).toEqual({ data: { jobs: { totalCount: 0 } } });
  });

  it('goes on while one of those who asked for it waits', async () => {
    const leaving = new AbortController();
    const init = {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(large),
    };
    const left = fetch(`${stage.address}/graphql`, { ...init, signal: leaving.signal }).catch(() => null);
    const stays = post(large);
    await expect.poll(places).toBeGreaterThan(0);
    leaving.abort();
    await left;
    expect(await (await stays).json()).toEqual({ data: { jobs: { totalCount: 0 } } });
  });
});

describe('an answer', () => {
  it.each([
    ['application/graphql-response+json', 'application/graphql-response+json; charset=utf-8'],
    ['application/json', 'application/json; charset=utf-8'],
    ['application/json, application/graphql-response+json', 'application/json; charset=utf-8'],
    ['text/html, */*', 'application/json; charset=utf-8'],
  ])('to %s has the type %s', async (accept, type) => {
    expect((await post(LIST, { accept })).headers.get('content-type')).toBe(type);
  });

  it.each<[string, object]>([
    ['a syntax error', { query: '{ jobs {' }],
    ['a field that is not there', { query: '{ jobs { nodes { color } } }' }],
    ['variables that do not fit', { query: 'query ($n: Int!) { jobs(first: $n) { nodes { id } } }', variables: {} }],
    ['a cursor of another list', { query: '{ jobs(after: "x") { nodes { id } } }' }],
    ['no query', {}],
  ])('to %s is what is wrong, each time', async (_what, body) => {
    for (let again = 0; again < 2; again += 1) {
      const { errors } = (await (await post(body)).json()) as { errors: { message: string }[] };
      expect(errors[0]?.message).toEqual(expect.any(String));
    }
  });
});
