import type { IncomingMessage, ServerResponse } from 'node:http';
import { GraphQLError } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import {
  type ErrorCode,
  type GraphQLContext,
  type Operations,
  type PreparedOperation,
  requestFault,
  schema,
  type WaitingAsker,
  withCode,
} from '../graphql/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { AnswerBody, sendAnswer } from './compression.ts';
import type { Connections } from './connections.ts';

export type GraphQLServer = ReturnType<typeof createGraphQLServer>;

/** GraphQL over HTTP: yoga reads requests and writes answers; `operations` does the rest. */
export function createGraphQLServer(operations: Operations, log: Logger) {
  return createYoga<WaitingAsker, GraphQLContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    // graphiql.ts serves it.
    graphiql: false,
    // server.ts has checked origin and credential before.
    cors: false,
    maskedErrors: { maskError: (cause) => operations.mask(cause) },
    logging: {
      debug: (...args) => log.debug({ args }, 'GraphQL'),
      info: (...args) => log.debug({ args }, 'GraphQL'),
      warn: (...args) => log.warn({ args }, 'GraphQL'),
      // Errors were logged when they were masked.
      error: (...args) => log.debug({ args }, 'GraphQL'),
    },
    // Its cache is bounded only by a number of documents, of any size.
    parserAndValidationCache: false,
    plugins: [parameters(operations), parts, operation(operations), codes],
  });
}

/** Answers a request, compressed if the client accepts that. */
export async function answerGraphQL(
  { yoga, connections }: { readonly yoga: GraphQLServer; readonly connections: Connections },
  request: IncomingMessage,
  body: Buffer<ArrayBuffer> | null,
  response: ServerResponse,
  asker: WaitingAsker,
): Promise<void> {
  try {
    const answer = await yoga.handleRequest(toFetch(yoga, request, body, asker.signal), asker);
    const headers = Object.fromEntries(answer.headers);
    // As a whole: yoga streams no subscription, and what waits for a client is counted.
    const whole = new AnswerBody(Buffer.from(await answer.arrayBuffer()));
    connections.holdResponse(request, response, whole.plain.length);
    await sendAnswer(request, response, answer.status, headers, whole);
  } catch (cause) {
    // The client has left, and its request was aborted.
    if (!response.destroyed) throw cause;
  }
}

/** Not left to yoga, which enumerates the keys of a body: a Buffer has one for each byte. */
function toFetch(
  { fetchAPI }: GraphQLServer,
  { method = 'GET', url = '/', headers }: IncomingMessage,
  body: Buffer<ArrayBuffer> | null,
  signal: AbortSignal | undefined,
): Request {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return new fetchAPI.Request(`http://localhost${url}`, { method, headers: entries, body, signal: signal ?? null });
}

const ACCEPT =
  'Accept: name application/graphql-response+json or application/json, and text/event-stream for a subscription';

const NO_STREAM = new GraphQLError(ACCEPT, { extensions: { code: 'NOT_ACCEPTABLE', http: { status: 406 } } });

/** Yoga calls these where it would parse, validate and execute by itself. */
function operation(operations: Operations): Plugin<WaitingAsker & { readonly operation: PreparedOperation }> {
  return {
    // What may not run is refused with the parsing, before anything else has a look at it.
    onParse: ({ context: { params }, setParseFn, extendContext }) => {
      setParseFn((query: string) => {
        const { operationName, variables } = params;
        const prepared = operations.prepare({ query, operationName, variables });
        if (prepared.errors !== null) throw new AggregateError(prepared.errors);
        extendContext({ operation: prepared });
        return prepared.document;
      });
    },
    // It has been validated with the parsing.
    onValidate: ({ setResult }) => setResult([]),
    onContextBuilding: ({ context, extendContext }) => extendContext(operations.contextOf(context.operation, context)),
    onExecute: ({ setExecuteFn }) => setExecuteFn((args) => operations.execute(args)),
    // Only event-stream.ts and websocket.ts stream subscriptions: there they are counted and shared.
    onSubscribe: () => {
      throw NO_STREAM;
    },
  };
}

/** A body is parsed in a turn of its own, since many may have come at once. Variables in an address are JSON too. */
function parameters(operations: Operations): Plugin<object, WaitingAsker> {
  return {
    onRequestParse: ({ requestParser, setRequestParser, serverContext }) => {
      if (requestParser === undefined) return;
      setRequestParser(async (request) => {
        await operations.turn(serverContext);
        try {
          const params = await requestParser(request);
          // A long one has taken the rest of the turn.
          await operations.turn(serverContext);
          return params;
        } catch (cause) {
          if (cause instanceof SyntaxError)
            throw requestFault('BAD_REQUEST', 'variables or extensions are not valid JSON');
          throw cause;
        }
      });
    },
  };
}

const parts: Plugin = {
  onParams: ({ params }) => {
    const { operationName }: { readonly operationName?: unknown } = params ?? {};
    if (operationName != null && typeof operationName !== 'string') {
      throw requestFault('BAD_REQUEST', 'operationName is not a string');
    }
    // Clients that know a query's hash (Apollo's automatic persisted queries) send the query once they are told.
    if (params?.query == null && params?.extensions?.['persistedQuery'] !== undefined) {
      // Their own word for it, by which they know it.
      throw requestFault('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported');
    }
  },
};

const BODILESS: Readonly<Record<number, { readonly code: ErrorCode; readonly message: string }>> = {
  406: {
    code: 'NOT_ACCEPTABLE',
    message: ACCEPT,
  },
};

/** Each error leaves with a code of the list, wherever it came from. */
const codes: Plugin = {
  onResultProcess: ({ result, setResult }) => {
    if (!('errors' in result) || result.errors === undefined) return;
    setResult({ ...result, errors: result.errors.map(withCode) });
  },
  onResponse: ({ response, setResponse, fetchAPI }) => {
    const refusal = BODILESS[response.status];
    if (refusal === undefined || response.body !== null) return;
    const { code, message } = refusal;
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    const body = JSON.stringify({ errors: [{ message, extensions: { code } }] });
    setResponse(new fetchAPI.Response(body, { status: response.status, headers }));
  },
};
