import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Clusters } from '../clusters/index.ts';
import { aJob } from '../domain/testing.ts';
import type { ErrorCode } from '../graphql/index.ts';
import { MOST_WAITS_OF_ACCOUNT } from '../graphql/job/wait.ts';
import { excessInAll } from '../graphql/shares.ts';
import { JobReader } from '../store/job-reader.ts';
import { WRONG_AT_ONCE } from './attempts.ts';
import { OpenStreams } from './open-streams.ts';
import { Stage, TOKEN } from './testing.ts';

let stage: Stage;
const job = aJob();
const id = encodeGlobalID('Job', job.id);
const LOG = `/jobs/${encodeURIComponent(id)}/stdout.log`;
beforeEach(async () => {
  stage = await Stage.open();
  await stage.create([job]);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stage[Symbol.asyncDispose]();
});

const JSON_TYPE = { 'content-type': 'application/json' };
const STREAM = { accept: 'text/event-stream' };

type Sent = Omit<RequestInit, 'headers'> & { readonly headers?: Record<string, string> };
const send = (init: Sent, path = '/graphql') =>
  fetch(`${stage.address}${path}`, { ...init, headers: { authorization: `Bearer ${TOKEN}`, ...init.headers } });
const post = (body: string, headers: Record<string, string> = {}) =>
  send({ method: 'POST', body, headers: { ...JSON_TYPE, ...headers } });
const ask = (query: string, more: object = {}, headers = {}) => post(JSON.stringify({ query, ...more }), headers);
const viewer = '{ viewer { id } }';
const full = () => vi.spyOn(OpenStreams.prototype, 'excess').mockReturnValue(excessInAll('10000 streams'));

/** Says that a body comes, and sends the beginning of it. */
async function postSlowly(path: string, headers: Record<string, string> = {}): Promise<Response> {
  const client = request(`${stage.address}${path}`, {
    method: 'POST',
    headers: { 'content-length': '100', ...headers },
  });
  client.write('{');
  const [answer] = await once(client, 'response');
  const response = new Response(await text(answer), { status: answer.statusCode });
  client.destroy();
  return response;
}

/** For each code, requests that are answered with it. */
const REQUESTS: Readonly<Record<ErrorCode, Readonly<Record<string, () => Promise<Response>>>>> = {
  UNAUTHENTICATED: {
    'without a credential': () => ask(viewer, {}, { authorization: '' }),
    'to sign in with a wrong token': () => send({ method: 'POST', body: '{"token":"x"}' }, '/session'),
  },
  FORBIDDEN: { 'of a page of another origin': () => ask(viewer, {}, { origin: 'https://other.example' }) },
  BAD_REQUEST: { 'without a query': () => post('{}'), 'that is no JSON': () => post('{') },
  GRAPHQL_PARSE_FAILED: { 'with half a document': () => ask('{ viewer {') },
  GRAPHQL_VALIDATION_FAILED: { 'for a field that is not there': () => ask('{ viewer { color } }') },
  OPERATION_RESOLUTION_FAILURE: { 'for another operation': () => ask(viewer, { operationName: 'B' }) },
  BAD_USER_INPUT: { 'without a variable': () => ask('query ($id: ID!) { job(id: $id) { id } }') },
  PERSISTED_QUERY_NOT_SUPPORTED: {
    'with a hash alone': () => post(JSON.stringify({ extensions: { persistedQuery: { sha256Hash: 'a' } } })),
  },
  NOT_FOUND: {
    'about a cluster that is not there': () => ask('{ partitions(cluster: "x") { name } }'),
    'for the log of no job': () => send({}, '/jobs/x/stdout.log'),
  },
  CLUSTER_UNAVAILABLE: {
    'for a log on a cluster that is gone': () => ask(`{ job(id: "${id}") { log { text } } }`),
    'for the file of one': () => send({}, LOG),
  },
  LIMIT_EXCEEDED: {
    'with a document that is too long': () => ask(`{ ${'viewer { id } '.repeat(2000)} }`),
    'that waits as one too many': async () => {
      const leaving = new AbortController();
      vi.spyOn(stage.journal, 'active').mockReturnValue(new Map([[job.id, job]]));
      const wait = `{ job(id: "${id}", waitUntilOverSeconds: 60) { id } }`;
      const waiting = Array.from({ length: MOST_WAITS_OF_ACCOUNT }, () =>
        send({ method: 'POST', body: JSON.stringify({ query: wait }), headers: JSON_TYPE, signal: leaving.signal }),
      );
      const over = Promise.allSettled(waiting);
      await expect.poll(() => stage.figure('slurmql_waiting_requests')).toBe(MOST_WAITS_OF_ACCOUNT);
      const response = await ask(wait);
      leaving.abort();
      await over;
      return response;
    },
  },
  RATE_LIMITED: {
    'behind many wrong credentials': async () => {
      for (let sent = 0; sent < WRONG_AT_ONCE; sent += 1) await ask(viewer, {}, { authorization: 'Bearer x' });
      return ask(viewer, {}, { authorization: 'Bearer x' });
    },
  },
  SERVER_BUSY: {
    'for one stream too many': () => {
      full();
      return ask('subscription { jobEvents { cursor } }', {}, STREAM);
    },
    'for one file of a log too many': () => {
      full();
      return send({}, LOG);
    },
  },
  PAYLOAD_TOO_LARGE: { 'of more than a MiB': () => post(' '.repeat(1024 ** 2 + 1)) },
  REQUEST_TIMEOUT: {
    'to sign in whose body does not come': () => postSlowly('/session'),
    'for figures whose form does not come': () =>
      postSlowly('/metrics', { 'content-type': 'application/x-www-form-urlencoded' }),
  },
  METHOD_NOT_ALLOWED: {
    'by another method': () => send({ method: 'PUT', body: '{}', headers: JSON_TYPE }),
    'to write a log': () => send({ method: 'PUT' }, LOG),
    'to read the session': () => send({}, '/session'),
  },
  NOT_ACCEPTABLE: { 'for an image': () => ask(viewer, {}, { accept: 'image/png' }) },
  UNSUPPORTED_MEDIA_TYPE: { 'of a table': () => post('a,b', { 'content-type': 'text/csv' }) },
  RANGE_NOT_SATISFIABLE: {
    'for what is behind the end of a log': () => {
      const stat = async () => ({ sizeBytes: 10, modifiedAt: new Date() });
      vi.spyOn(Clusters.prototype, 'files').mockReturnValue({ stat } as unknown as ReturnType<Clusters['files']>);
      return send({ headers: { range: 'bytes=10-' } }, LOG);
    },
  },
  INTERNAL_SERVER_ERROR: {
    'at which the store fails': () => {
      vi.spyOn(JobReader.prototype, 'getMany').mockRejectedValue(new Error('a secret'));
      return ask(`{ job(id: "${id}") { id } }`);
    },
  },
};

/** The status of each code over HTTP, where it is to be the same for all requests. */
const STATUS: Partial<Readonly<Record<ErrorCode, number>>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  RATE_LIMITED: 429,
  PAYLOAD_TOO_LARGE: 413,
  REQUEST_TIMEOUT: 408,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RANGE_NOT_SATISFIABLE: 416,
};

// The codes are those of the documentation: neither may lack one, nor have one that no request is answered with.
describe.each(Object.entries(REQUESTS))('%s is the code of a request', (code, requests) => {
  it.each(Object.entries(requests))('%s', async (_what, answer) => {
    const response = await answer();
    const { errors } = (await response.json()) as { errors: readonly unknown[] };
    expect(errors).toEqual([expect.objectContaining({ extensions: { code } })]);
    const status = STATUS[code as ErrorCode];
    if (status !== undefined) expect(response.status).toBe(status);
  });
});
