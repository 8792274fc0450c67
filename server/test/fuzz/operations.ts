import fc from 'fast-check';
import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import { createClient } from 'graphql-ws';
import type { TestServer } from '../support/server.ts';
import { type Change, changed, changesWith } from './changes.ts';
import { type Operation, operationsOf } from './documents.ts';
import type { Fuzzed, Trial } from './fuzz.ts';
import { expectAnswer, expectNoFault, PATIENCE_MS, type Result, startServer, WORDS } from './staged-server.ts';

const TRANSPORTS = ['http', 'events', 'websocket'] as const;
/** So long a stream is listened to for its first word. */
const LISTEN_MS = 200;

interface Sent extends Operation {
  readonly transport: (typeof TRANSPORTS)[number];
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

async function check(server: TestServer, sent: Sent): Promise<void> {
  const logged = server.errors.length;
  expectAnswer(sent.transport === 'websocket' ? await overWebSocket(server, sent) : await overHttp(server, sent));
  expectNoFault(server, logged);
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
    // On a busy machine it may come too late with its credential. Upon a fault of the server's it isn't tried again.
    retryAttempts: 3,
    shouldRetry: () => true,
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
        else reject(new Error('the connection is closed', { cause: fault }));
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
