import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GraphQLError, OperationTypeNode } from 'graphql';
import { createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga';
import type { User } from '../domain/user.ts';
import {
  answerOf,
  checkOperation,
  createContext,
  type ErrorCode,
  Gate,
  type GraphQLContext,
  JobWaits,
  maskError,
  readDocument,
  requestFault,
  type Scale,
  type Services,
  schema,
  Turns,
  withCode,
} from '../graphql/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { AnswerBody, sendAnswer } from './compression.ts';
import type { Connections } from './connections.ts';

export interface ServerContext {
  readonly viewer: User;
  /** As `accountOf` has it. */
  readonly account: string;
  /** Of a request over HTTP it is found out with the parsing. */
  readonly scale?: Scale;
  /** Aborted once nobody waits for the answer any more. Left out: it is never waited for long. */
  readonly signal?: AbortSignal;
}

const NEVER = new AbortController().signal;
const UNKNOWN: Scale = { kind: OperationTypeNode.QUERY, isLarge: true };

export type GraphQLServer = ReturnType<typeof createGraphQLServer>;

/** GraphQL for both transports: what runs over HTTP and what runs over WebSocket go through the same steps. */
export function createGraphQLServer(services: Services) {
  const waits = new JobWaits();
  const capacity = { turns: new Turns(), gate: new Gate() };
  services.metrics.gauge('slurmql_waiting_requests', 'Requests that wait for the end of a job.', () => waits.size);
  services.metrics.gauge(
    'slurmql_large_operations',
    'Operations that take a place of those for large ones now.',
    () => capacity.gate.running,
  );
  services.metrics.gauge(
    'slurmql_large_operations_waiting',
    'Operations that wait for a place of those for large ones now.',
    () => capacity.gate.waiting,
  );
  return createYoga<ServerContext, GraphQLContext>({
    schema,
    context: ({ viewer, account, scale = UNKNOWN, signal = NEVER }) =>
      createContext(services, viewer, { ...capacity, waits, account, scale, signal }),
    graphqlEndpoint: '/graphql',
    landingPage: false,
    // graphiql.ts sends it.
    graphiql: false,
    // Requests are allowed by origin and credential in server.ts, before they come here.
    cors: false,
    maskedErrors: { maskError: (cause) => maskError(cause, services.log) },
    logging: {
      debug: (...args) => services.log.debug({ args }, 'GraphQL'),
      info: (...args) => services.log.debug({ args }, 'GraphQL'),
      warn: (...args) => services.log.warn({ args }, 'GraphQL'),
      // Faults have been logged as they were masked.
      error: (...args) => services.log.debug({ args }, 'GraphQL'),
    },
    // Bounded by a number of documents alone, of any size.
    parserAndValidationCache: false,
    plugins: [parameters, parts, limits, answers(services.log), codes],
  });
}

/** Answers a request, its body compressed where it is whole; a stream goes out as it comes. */
export async function answerGraphQL(
  { yoga, connections }: { readonly yoga: GraphQLServer; readonly connections: Connections },
  request: IncomingMessage,
  body: Buffer<ArrayBuffer> | null,
  response: ServerResponse,
  context: ServerContext,
): Promise<void> {
  try {
    const answer = await yoga.handleRequest(toFetch(yoga, request, body, context.signal), context);
    const headers = Object.fromEntries(answer.headers);
    if (/^(text\/event-stream|multipart\/)/.test(headers['content-type'] ?? '') && answer.body !== null) {
      response.writeHead(answer.status, headers);
      await pipeline(answer.body, response);
    } else {
      const body = new AnswerBody(Buffer.from(await answer.arrayBuffer()));
      connections.holdResponse(request, response, body.plain.length);
      await sendAnswer(request, response, answer.status, headers, body);
    }
  } catch (cause) {
    // Whoever asked has gone, and what was being done for it was broken off.
    if (!response.destroyed) throw cause;
  }
}

/** Not left to yoga, which lists the keys of a body that has been read: a Buffer has one for each of its bytes. */
function toFetch(
  { fetchAPI }: GraphQLServer,
  { method = 'GET', url = '/', headers }: IncomingMessage,
  body: Buffer<ArrayBuffer> | null,
  signal: AbortSignal = NEVER,
): Request {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return new fetchAPI.Request(`http://localhost${url}`, { method, headers: entries, body, signal });
}

/** What came of an operation is told as it may be, whichever transport it came by. */
function answers(log: Logger): Plugin<GraphQLContext> {
  return {
    onExecute: ({ context, executeFn, setExecuteFn }) => {
      setExecuteFn((args) => answerOf(context.work, log, () => executeFn(args)));
    },
  };
}

const ACCEPT =
  'Accept: name application/graphql-response+json or application/json, and text/event-stream for a subscription';

const NO_STREAM = new GraphQLError(ACCEPT, { extensions: { code: 'NOT_ACCEPTABLE', http: { status: 406 } } });

/** What may not run is refused with the parsing, before anything else has a look at it. */
const limits: Plugin<YogaInitialContext & Pick<ServerContext, 'scale'>> = {
  onParse: ({ context: { params }, setParseFn, extendContext }) => {
    setParseFn((source: string) => {
      const read = readDocument(source);
      if (!read.isValid) throw new AggregateError(read.errors);
      const checked = checkOperation(read.document, params.operationName, params.variables);
      if (checked.fault !== null) throw checked.fault;
      extendContext({ scale: checked.scale });
      return read.document;
    });
  },
  // It has been validated with the parsing.
  onValidate: ({ setResult }) => setResult([]),
  // They are streamed by event-stream.ts and websocket.ts alone, where they are counted and shared.
  onSubscribe: () => {
    throw NO_STREAM;
  },
};

/** To read JSON of this length takes a millisecond or less: of more, what follows is left to another turn of the event loop. */
const LONG_BYTES = 128 * 1024;

/** Variables in an address or a form are JSON too. */
const parameters: Plugin = {
  onRequestParse: ({ requestParser, setRequestParser }) => {
    if (requestParser === undefined) return;
    setRequestParser(async (request) => {
      try {
        const params = await requestParser(request);
        if (Number(request.headers.get('content-length')) > LONG_BYTES) await nextTurn();
        return params;
      } catch (cause) {
        if (cause instanceof SyntaxError) throw requestFault('BAD_REQUEST', 'variables or extensions are no JSON');
        throw cause;
      }
    });
  },
};

const parts: Plugin = {
  onParams: ({ params }) => {
    const { operationName }: { readonly operationName?: unknown } = params ?? {};
    if (operationName != null && typeof operationName !== 'string') {
      throw requestFault('BAD_REQUEST', 'operationName is no text');
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
