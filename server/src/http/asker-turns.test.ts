import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { signIn } from '../../test/support/session.ts';
import { ADMINISTRATOR } from '../auth/index.ts';
import { aJob, aProject } from '../domain/testing.ts';
import { insertJobs } from '../store/testing.ts';
import { TURNS } from '../turns/index.ts';
import { MOST_VALUES } from './request-json.ts';
import { SocketClient, Stage, TOKEN } from './testing.ts';

let stage: Stage;
const project = aProject({ path: '/no/such/repository' });
const job = aJob({ state: 'COMPLETED', slurmJobId: '77', projectId: project.id });
const active = aJob({ state: 'SUBMITTING', workDir: null, slurmJobId: null, projectId: project.id });
const id = encodeGlobalID('Job', job.id);
const activeId = encodeGlobalID('Job', active.id);
const projectId = encodeGlobalID('Project', project.id);
beforeEach(async () => {
  stage = await Stage.open();
  await stage.store.projects.save(project);
  await stage.create([job, active]);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stage[Symbol.asyncDispose]();
});

/** For whom statements were run since this was called. */
function readers(): () => readonly string[] {
  const run = vi.spyOn(TURNS, 'run');
  return () => [...new Set(run.mock.calls.map(([, account]) => account))].sort();
}

const ask = async (query: string) => {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const response = await fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as { readonly data?: unknown; readonly errors?: readonly { message: string }[] };
};

const ASKED: Readonly<Record<string, string>> = {
  'a job by its id': `{ job(id: "${id}") { name } }`,
  'a job by its number': '{ job(cluster: "alpha", slurmJobId: "77") { name } }',
  'a wait for the end of a job': `{ job(id: "${activeId}", waitUntilOverSeconds: 0) { name } }`,
  'a node': `{ node(id: "${id}") { id } }`,
  'a list': '{ jobs(first: 1) { totalCount nodes { project { name } } } }',
  'a search in a log': `{ logSearch(jobId: "${id}", pattern: "x") { hasMore } }`,
  submitJob: 'mutation { submitJob(input: { project: "none", cluster: "alpha", command: "true" }) { __typename } }',
  resubmitJob: `mutation { resubmitJob(input: { id: "${id}" }) { __typename } }`,
  cancelJobs: `mutation { cancelJobs(input: { ids: ["${activeId}"] }) { __typename } }`,
  holdJobs: `mutation { holdJobs(input: { ids: ["${id}"] }) { __typename } }`,
  releaseJob: `mutation { releaseJob(input: { id: "${id}" }) { __typename } }`,
  requeueJob: `mutation { requeueJob(input: { id: "${id}" }) { __typename } }`,
  syncProject: `mutation { syncProject(input: { id: "${projectId}" }) { __typename } }`,
  removeProject: `mutation { removeProject(input: { id: "${projectId}" }) { __typename } }`,
};

const EVENTS = `events of ${ADMINISTRATOR.id}`;

describe("what a client asks for is read in its account's turns, and never in those of the server itself", () => {
  it.each(Object.entries(ASKED))('%s', async (_what, query) => {
    const read = readers();
    expect(await ask(query)).toHaveProperty('data');
    expect(read()).toEqual([ADMINISTRATOR.id]);
  });

  it('the log of a job', async () => {
    const read = readers();
    const headers = { authorization: `Bearer ${TOKEN}` };
    await (await fetch(`${stage.address}/jobs/${encodeURIComponent(id)}/stdout.log`, { headers })).text();
    expect(read()).toEqual([ADMINISTRATOR.id]);
  });

  it.each([
    ['jobStatus', `subscription { jobStatus(id: "${id}") { project { name } } }`],
    ['logTail', `subscription { logTail(jobId: "${id}") { text } }`],
    ['jobEvents, with the project for a search', `subscription { jobEvents(filter: { search: "train" }) { kind } }`],
  ])('a subscription: %s', async (_what, query) => {
    const client = new SocketClient(stage.address);
    await client.init();
    const read = readers();
    client.subscribe('1', query);
    await expect
      .poll(async () => {
        // What it follows from now on; it may have begun only now.
        await stage.change(active.id, { reason: `Resources ${Date.now()}` });
        return read();
      })
      .toEqual([EVENTS]);
    client.socket.terminate();
  });
});

describe("how much a request holds is found in its account's turns", () => {
  const values = `[${'0,'.repeat(MOST_VALUES)}0]`;
  const turns = () => {
    const pass = vi.spyOn(TURNS, 'pass');
    return () => pass.mock.calls.filter(([rank]) => rank === 'new').map(([, account]) => account);
  };

  it.each(['application/json', 'application/graphql-response+json', 'text/event-stream', '*/*'])(
    'over HTTP, for a client that accepts %s',
    async (accept) => {
      const taken = turns();
      const response = await fetch(`${stage.address}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', accept },
        body: values,
      });
      expect([response.status, taken()]).toEqual([400, [ADMINISTRATOR.id]]);
    },
  );

  it('over a WebSocket', async () => {
    const client = new SocketClient(stage.address);
    await client.init();
    const taken = turns();
    client.send(values);
    expect([await client.closed, taken()]).toEqual([4400, [ADMINISTRATOR.id]]);
  });
});

it.each([
  ['its id', (at: number) => `job(id: "${encodeGlobalID('Job', `long-${at}`)}")`],
  ['its number', (at: number) => `job(cluster: "alpha", slurmJobId: "${1000 + at}")`],
])('jobs by %s count as text that is read, whatever is asked of them', async (_what, field) => {
  const count = 90;
  await insertJobs(
    stage.store,
    Array.from({ length: count }, (_, at) =>
      aJob({ id: `long-${at}`, slurmJobId: `${1000 + at}`, command: 'x'.repeat(400 * 1024) }),
    ),
  );
  const fields = Array.from({ length: count }, (_, at) => `j${at}: ${field(at)} { id }`);
  expect((await ask(`{ ${fields.join(' ')} }`)).errors?.[0]?.message).toMatch('reads more than');
});

describe('a subscription that several accounts share', () => {
  const shared = 'subscription { jobEvents { kind } }';
  const events = (client: SocketClient) => client.messages.filter(({ type }) => type === 'next').length;

  it('takes the turns of the one that has the fewest, as long as that one is there', async () => {
    const many = new SocketClient(stage.address);
    await many.init();
    many.subscribe('shared', shared);
    for (let at = 0; at < 5; at += 1) many.subscribe(`${at}`, `${shared} # ${at}`);
    const credential = { ...(await signIn(stage.address, TOKEN)) };
    const few = new SocketClient(stage.address, { headers: credential });
    await few.init({});
    few.subscribe('shared', shared);
    await expect.poll(() => stage.figure('slurmql_subscriptions')).toBe(7);
    // One feed for both.
    expect(await stage.figure('slurmql_shared_subscriptions')).toBe(6);

    const pass = vi.spyOn(TURNS, 'pass');
    const ofEvents = () =>
      pass.mock.calls.map(([, account]) => account).filter((account) => account.startsWith('events of '));
    await stage.change(active.id, { reason: 'Resources' });
    await many.until(() => events(many) === 6);
    await few.until(() => events(few) === 1);
    const accounts = new Set(ofEvents());
    expect(accounts.size).toBe(2);
    const [others] = [...accounts].filter((account) => account !== EVENTS);
    // Its feed, and the event.
    expect(ofEvents().filter((account) => account === others)).toHaveLength(2);

    few.socket.terminate();
    await expect.poll(() => stage.figure('slurmql_subscriptions')).toBe(6);
    pass.mockClear();
    await stage.change(active.id, { reason: 'Priority' });
    await many.until(() => events(many) === 12);
    expect(new Set(ofEvents())).toEqual(new Set([EVENTS]));
    many.socket.terminate();
  });
});
