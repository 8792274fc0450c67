import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import manifest from '../../package.json' with { type: 'json' };
import { signIn } from '../../test/support/session.ts';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import { Stage, TOKEN } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage[Symbol.asyncDispose]());

async function ask(query: string, variables: object = {}, init: RequestInit = {}) {
  const response = await fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
    ...init,
  });
  return (await response.json()) as { data: Record<string, never>; errors?: { message: string; extensions: object }[] };
}
const globalId = ({ id }: Job) => encodeGlobalID('Job', id);

it('the version is that of the program', async () => {
  expect(await ask('{ version }')).toEqual({ data: { version: manifest.version } });
});

describe('how long a job has waited', () => {
  const submittedAt = new Date(Date.now() - 100_000);
  const at = (seconds: number) => new Date(submittedAt.getTime() + seconds * 1000);
  const waited = async (job: Job) => {
    const { data } = await ask('query ($id: ID!) { job(id: $id) { waitedSeconds } }', { id: globalId(job) });
    return (data['job'] as unknown as { waitedSeconds: number | null }).waitedSeconds;
  };

  it.each<[string, Partial<Job>, number | null]>([
    ['is until its start', { state: 'RUNNING', startedAt: at(30) }, 30],
    ['stays when it is over', { state: 'COMPLETED', startedAt: at(30), endedAt: at(90) }, 30],
    ['is until its end where it never started', { state: 'CANCELLED', startedAt: null, endedAt: at(40) }, 40],
    ['is not known where neither was seen', { state: 'LOST', startedAt: null, endedAt: null }, null],
    ['is never negative, whatever the clocks say', { state: 'RUNNING', startedAt: at(-5) }, 0],
  ])('%s', async (_what, news, seconds) => {
    const job = aJob({ submittedAt, ...news });
    await stage.create([job]);
    expect(await waited(job)).toBe(seconds);
  });

  it('grows while it waits, in an answer that is asked for again and again', async () => {
    const job = aJob({ state: 'PENDING', submittedAt, startedAt: null, endedAt: null });
    await stage.create([job]);
    const first = await waited(job);
    expect(first).toBeGreaterThanOrEqual(100);
    await expect.poll(() => waited(job), { timeout: 20_000 }).toBeGreaterThan(first ?? 0);
  });

  it('is until its first start, also after a requeue', async () => {
    const job = aJob({ state: 'RUNNING', submittedAt, startedAt: at(10), attempt: 1 });
    await stage.create([job]);
    await stage.change(job.id, { state: 'PENDING', startedAt: null, attempt: 2 });
    expect(await waited(job)).toBe(10);
    await stage.change(job.id, { state: 'RUNNING', startedAt: at(60) });
    expect(await waited(job)).toBe(10);
  });
});

describe("a job by Slurm's number", () => {
  const find = async (variables: object) => {
    const query =
      'query ($id: ID, $cluster: String, $number: String) { job(id: $id, cluster: $cluster, slurmJobId: $number) { name slurmJobId } }';
    const { data, errors } = await ask(query, variables);
    const job = data?.['job'] as unknown as { name: string; slurmJobId: string } | null | undefined;
    return errors ?? (job == null ? null : `${job.name} ${job.slurmJobId}`);
  };
  beforeEach(async () => {
    const array = aJob({ name: 'array', slurmJobId: '20', resources: { ...aJob().resources, array: '0-3' } });
    const component = { ...aJob(), offset: 0, state: null, word: null, nodeList: null, partition: null };
    await stage.create([
      aJob({ name: 'old', slurmJobId: '12' }),
      aJob({ name: 'elsewhere', slurmJobId: '12', clusterName: 'beta' }),
      array,
      aJob({ name: 'array', slurmJobId: '20_3', arrayParentId: array.id, arrayTaskId: 3 }),
      aJob({ name: 'pair', slurmJobId: '30', components: [component, { ...component, offset: 1 }] as never }),
    ]);
  });

  it.each([
    ['12', 'alpha', 'old 12'],
    ['12', 'beta', 'elsewhere 12'],
    [' 0012 ', 'alpha', 'old 12'],
    ['20', 'alpha', 'array 20'],
    ['20_3', 'alpha', 'array 20_3'],
    ['20_4', 'alpha', null],
    ['30', 'alpha', 'pair 30'],
    ['30+1', 'alpha', 'pair 30'],
    ['30+2', 'alpha', null],
    ['12+0', 'alpha', null],
    ['13', 'alpha', null],
    ['12', 'gamma', null],
  ])('%j on %s is %s', async (number, cluster, name) => {
    expect(await find({ cluster, number })).toBe(name);
  });

  it('is the newest where Slurm has used the number again', async () => {
    await stage.create([aJob({ name: 'new', slurmJobId: '12' })]);
    expect(await find({ cluster: 'alpha', number: '12' })).toBe('new 12');
  });

  it.each([
    [{}, 'by id, or by cluster and slurmJobId'],
    [{ id: 'x', cluster: 'alpha', number: '12' }, 'by id, or by cluster and slurmJobId'],
    [{ id: 'x', number: '12' }, 'by id, or by cluster and slurmJobId'],
    [{ cluster: 'alpha' }, 'by id, or by cluster and slurmJobId'],
    [{ number: '12' }, 'by id, or by cluster and slurmJobId'],
    [{ cluster: 'alpha', number: 'twelve' }, 'slurmJobId: "twelve"'],
    [{ cluster: 'alpha', number: '12_[0-3]' }, 'slurmJobId: "12_[0-3]"'],
    [{ cluster: 'alpha', number: '' }, 'slurmJobId: ""'],
    [{ cluster: 'alpha', number: '-1' }, 'slurmJobId: "-1"'],
  ])('is refused when it is named as %j', async (variables, message) => {
    expect(await find(variables)).toMatchObject([
      { message: expect.stringContaining(message), extensions: { code: 'BAD_USER_INPUT' } },
    ]);
  });
});

describe('a wait for the end of a job', () => {
  const WAIT = 'query ($id: ID!, $seconds: Int!) { job(id: $id, waitUntilOverSeconds: $seconds) { state exitCode } }';
  const RUNNING: Partial<Job> = { state: 'RUNNING', startedAt: new Date(), endedAt: null, exitCode: null };
  const OVER: Partial<Job> = { state: 'FAILED', endedAt: new Date(), exitCode: 3 };
  const DONE = { data: { job: { state: 'FAILED', exitCode: 3 } } };
  let job: Job;
  beforeEach(async () => {
    job = aJob(RUNNING);
    await stage.create([job]);
  });
  const wait = (seconds: number, init: RequestInit = {}) => ask(WAIT, { id: globalId(job), seconds }, init);
  const waiting = async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const text = await (await fetch(`${stage.address}/metrics`, { headers })).text();
    return Number(/^slurmql_waiting_requests (\d+)$/m.exec(text)?.[1]);
  };

  it('is answered when it is over, once all else that changes has passed', async () => {
    const answers = [wait(300), wait(300)];
    await expect.poll(waiting).toBe(2);
    await stage.create([aJob(RUNNING)]);
    await stage.change(job.id, { reason: 'still at it' });
    expect(await waiting()).toBe(2);
    await stage.change(job.id, OVER);
    expect(await Promise.all(answers)).toEqual([DONE, DONE]);
    expect(await waiting()).toBe(0);
  });

  it('is answered with the job as it is after the time', async () => {
    const still = { data: { job: { state: 'RUNNING', exitCode: null } } };
    expect(await wait(1)).toEqual(still);
    expect(await wait(0)).toEqual(still);
  });

  it('is answered at once for a job that is over, or is not there', async () => {
    await stage.change(job.id, OVER);
    expect(await wait(300)).toEqual(DONE);
    expect(await ask(WAIT, { id: 'x', seconds: 300 })).toEqual({ data: { job: null } });
  });

  it('goes by the number of the job as well, and over WebSocket', async () => {
    await stage.change(job.id, { slurmJobId: '77' });
    const query = '{ job(cluster: "alpha", slurmJobId: "77", waitUntilOverSeconds: 300) { state exitCode } }';
    const socket = new WebSocket(`${stage.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const answer = new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () =>
        socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } })),
      );
      socket.on('message', (data) => {
        const { type, payload } = JSON.parse(String(data));
        if (type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
        if (type === 'next') resolve(payload);
      });
    });
    await expect.poll(waiting).toBe(1);
    const other = ask(query);
    await expect.poll(waiting).toBe(2);
    await stage.change(job.id, OVER);
    expect(await answer).toEqual(DONE);
    expect(await other).toEqual(DONE);
    socket.terminate();
  });

  it('ends when its client leaves, over HTTP and WebSocket', async () => {
    const leaving = new AbortController();
    const left = wait(300, { signal: leaving.signal });
    await expect.poll(waiting).toBe(1);
    leaving.abort();
    await expect(left).rejects.toThrow();
    await expect.poll(waiting).toBe(0);
    const socket = new WebSocket(`${stage.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init' })));
    socket.on('message', () => {
      const payload = { query: WAIT, variables: { id: globalId(job), seconds: 300 } };
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
    });
    await expect.poll(waiting).toBe(1);
    socket.terminate();
    await expect.poll(waiting).toBe(0);
  });

  it('ends with the session under which it was asked for', async () => {
    const headers = { ...(await signIn(stage.address, TOKEN)) };
    const cut = wait(300, { headers: { ...headers, 'content-type': 'application/json' } });
    const outcome = expect(cut).rejects.toThrow();
    await expect.poll(waiting).toBe(1);
    await fetch(`${stage.address}/session`, { method: 'DELETE', headers });
    await outcome;
    await expect.poll(waiting).toBe(0);
  });

  it('is answered as the job is when the server stops', async () => {
    const answer = wait(300);
    await expect.poll(waiting).toBe(1);
    const stopped = stage.stop();
    expect(await answer).toEqual({ data: { job: { state: 'RUNNING', exitCode: null } } });
    await stopped;
  });

  it.each([-1, 301])('of %d seconds is refused', async (seconds) => {
    expect((await wait(seconds)).errors).toMatchObject([
      {
        message: expect.stringContaining(`waitUntilOverSeconds is ${seconds}`),
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
  });
});
