import { chmod, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import { createClient } from 'graphql-ws';
import { JOB_STATES } from '../../src/domain/job-state.ts';
import { aJob, aProject } from '../../src/domain/testing.ts';
import { ERROR_CODES } from '../../src/graphql/error-codes.ts';
import { eventCursor } from '../../src/graphql/job/list.ts';
import { Store } from '../../src/store/index.ts';
import { encodeCursor } from '../../src/store/keyset.ts';
import { TestServer } from '../support/server.ts';
import { type Change, changed, changesWith } from './changes.ts';
import { type Operation, operationsOf } from './documents.ts';
import type { Fuzzed, Trial } from './fuzz.ts';

const TRANSPORTS = ['http', 'events', 'websocket'] as const;
/** Longer than any answer takes, on a machine that does other things. */
const PATIENCE_MS = 60_000;
/** So long a stream is listened to for its first word. */
const LISTEN_MS = 200;

interface Sent extends Operation {
  readonly transport: (typeof TRANSPORTS)[number];
}

const JOBS = JOB_STATES.map((state, index) => ({
  state,
  id: `01K000000000000000000000${String(index).padStart(2, '0')}`,
}));
const PROJECT = '01K00000000000000000000P01';
const idOf = (typename: string, id: string) => Buffer.from(`${typename}:${id}`).toString('base64');

/** What the server knows of, and what looks like it. */
const WORDS = [
  ...[
    'alpha',
    'gone',
    'model',
    'train',
    '1234',
    '1234_7',
    '1234+1',
    'a'.repeat(300),
    '',
    ' ',
    '*',
    '%',
    '--gres=gpu:1',
  ],
  ...JOBS.map(({ id }) => idOf('Job', id)),
  ...[idOf('Project', PROJECT), idOf('User', 'administrator'), idOf('Cluster', 'alpha'), idOf('Job', ''), 'Sm9iOg=='],
  ...[
    eventCursor(0),
    eventCursor(3),
    eventCursor(10 ** 14),
    '-',
    'W10',
    '/no/such/folder',
    'sleep 1',
    '0-9%3',
    '0-99999999',
  ],
  ...[
    encodeCursor({ order: 'SUBMITTED_AT', asOf: 0, values: [1, 'a'] }),
    encodeCursor({ order: '', asOf: 0, values: [] }),
  ],
  ...[
    '#!/bin/bash\n#SBATCH --gpus=2\nhostname',
    '\ud800',
    '\0',
    'ⅷ',
    '1e5',
    'NaN',
    '$(id)',
    'PATH',
    '2026-01-31T12:00:00Z',
  ],
];

/** A server with a job in each state, on a cluster that answers nothing. */
async function startServer(): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'slurmql-fuzz-'));
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  const store = await Store.open(join(data, 'slurmql.sqlite'));
  await store.projects.save(aProject({ id: PROJECT, name: 'model', path: '/no/such/folder' }));
  const jobs = JOBS.map(({ id, state }) => aJob({ id, state, projectId: PROJECT, clusterName: 'alpha' }));
  await store.jobs.insert(jobs.map((job) => ({ job, idempotencyKey: null, submission: null })));
  await store.close();
  for (const name of await readdir(data)) await chmod(join(data, name), 0o600);
  // Nothing listens on this port of the host's own.
  return TestServer.start('clusters: { alpha: { host: 127.0.0.1, port: 1, user: nobody } }\n', folder);
}

async function open(): Promise<Trial<Sent>> {
  const server = await startServer();
  try {
    const schema = buildClientSchema(await server.query<IntrospectionQuery>(getIntrospectionQuery()));
    const operation = operationsOf(schema, WORDS);
    const changes = changesWith([
      '{ ',
      '} ',
      '...F0 ',
      '$v0 ',
      '@skip(if: true) ',
      '"""',
      'on Job ',
      'nodes ',
      '__schema { ',
    ]);
    const sent = fc.record({
      transport: fc.constantFrom(...TRANSPORTS),
      operation,
      changes: fc.oneof({ weight: 6, arbitrary: fc.constant<readonly Change[]>([]) }, changes),
    });
    return {
      inputs: sent.map(({ transport, operation: { query, variables }, changes: steps }) => {
        return { transport, query: steps.reduce(changed, query), variables };
      }),
      check: (input) => check(server, input),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  } catch (cause) {
    await server[Symbol.asyncDispose]();
    throw cause;
  }
}

/** It is answered, with data or an error of the list that is none of the server's own, which has nothing to log. */
async function check(server: TestServer, sent: Sent): Promise<void> {
  const logged = server.errors.length;
  const result = sent.transport === 'websocket' ? await overWebSocket(server, sent) : await overHttp(server, sent);
  for (const { message, extensions } of result?.errors ?? []) {
    const code = extensions?.['code'];
    const isKnown = typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
    if (!isKnown || code === 'INTERNAL_SERVER_ERROR') throw new Error(`${String(code)}: ${message}`);
  }
  const faults = server.errors.slice(logged).match(/^\{"level":"?(?:50|60|error|fatal)\b.*$/gm);
  if (faults !== null) throw new Error(`the server logs ${faults.join('\n')}`);
}

interface Result {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
}

/** What is said of an operation; null: a stream that had nothing to say yet. */
async function overHttp(server: TestServer, { transport, query, variables }: Sent): Promise<Result | null> {
  const isStream = transport === 'events';
  const response = await fetch(`${server.address}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.token}`,
      'content-type': 'application/json',
      accept: isStream ? 'text/event-stream' : 'application/json',
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const text = isStream ? await firstEvent(response) : await response.text();
  if (text === null) return null;
  const result: Result = JSON.parse(text);
  if (result.data === undefined && result.errors === undefined) throw new Error(`the answer is ${text.slice(0, 1000)}`);
  return result;
}

/** The data of the first event that has any; null where none came in time. */
async function firstEvent(response: Response): Promise<string | null> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) throw new Error('the answer has no body');
  const deadline = performance.now() + LISTEN_MS;
  let text = '';
  try {
    for (;;) {
      const left = deadline - performance.now();
      const late = new Promise<null>((resolve) => setTimeout(resolve, Math.max(0, left), null));
      const piece = await Promise.race([reader.read(), late]);
      if (piece === null) return null;
      text += piece.value ?? '';
      const data = /^data: ?(.+)\n\n/m.exec(text)?.[1];
      if (data !== undefined) return data;
      // Refused before there was a stream.
      if (piece.done) return text.startsWith('{') ? text : null;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function overWebSocket(server: TestServer, { query, variables }: Sent): Promise<Result | null> {
  const client = createClient({
    url: `${server.address.replace('http', 'ws')}/graphql`,
    connectionParams: { authorization: `Bearer ${server.token}` },
    retryAttempts: 0,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Result | null>();
  const isStream = query.startsWith('subscription');
  const late = isStream ? () => resolve(null) : () => reject(new Error('there is no answer'));
  const timer = setTimeout(late, isStream ? LISTEN_MS : PATIENCE_MS);
  client.subscribe(
    { query, variables: { ...variables } },
    {
      next: (result) => resolve(result as Result),
      complete: () => resolve(null),
      error: (fault) => {
        if (Array.isArray(fault)) resolve({ errors: fault });
        else reject(new Error(`the connection is closed: ${JSON.stringify(fault)}`));
      },
    },
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await client.dispose();
  }
}

export const OPERATIONS: Fuzzed<Sent> = { name: 'operations of the schema', share: 20, batch: 20, open };
