import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type DocumentNode, GraphQLError } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { User } from '../domain/user.ts';
import {
  checkLimits,
  createContext,
  type GraphQLContext,
  LIMITS,
  readDocument,
  type Services,
  schema,
} from '../graphql/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { AnswerBody, sendAnswer } from './compression.ts';

export interface ServerContext {
  readonly viewer: User;
}

export type GraphQLServer = ReturnType<typeof createGraphQLServer>;

/** GraphQL for both transports: what runs over HTTP and what runs over WebSocket go through the same steps. */
export function createGraphQLServer(services: Services) {
  return createYoga<ServerContext, GraphQLContext>({
    schema,
    context: ({ viewer }) => createContext(services, viewer),
    graphqlEndpoint: '/graphql',
    landingPage: false,
    graphiql: { title: 'SlurmQL', subscriptionsProtocol: 'WS' },
    // Loaded when somebody opens it: the page with all its scripts takes 50 MB of memory.
    renderGraphiQL: async (options) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(options),
    // Requests are allowed by origin and credential in server.ts, before they come here.
    cors: false,
    maskedErrors: { maskError: (cause, message) => maskError(cause, message, services.log) },
    logging: {
      debug: (...args) => services.log.debug({ args }, 'GraphQL'),
      info: (...args) => services.log.debug({ args }, 'GraphQL'),
      warn: (...args) => services.log.warn({ args }, 'GraphQL'),
      error: (...args) => services.log.error({ args }, 'GraphQL'),
    },
    // Bounded by a number of documents alone, of any size.
    parserAndValidationCache: false,
    plugins: [limits],
  });
}

/** Answers a request, its body compressed where it is whole; a stream goes out as it comes. */
export async function answerGraphQL(
  yoga: GraphQLServer,
  request: IncomingMessage,
  response: ServerResponse,
  context: ServerContext,
): Promise<void> {
  try {
    const answer = await yoga.handleNodeRequestAndResponse(request, response, context);
    const headers = Object.fromEntries(answer.headers);
    if (/^(text\/event-stream|multipart\/)/.test(headers['content-type'] ?? '') && answer.body !== null) {
      response.writeHead(answer.status, headers);
      await pipeline(answer.body, response);
    } else {
      const body = new AnswerBody(Buffer.from(await answer.arrayBuffer()));
      await sendAnswer(request, response, answer.status, headers, body);
    }
  } catch (cause) {
    // Whoever asked has gone, and what was being done for it was broken off.
    if (!response.destroyed) throw cause;
  }
}

/** Faults of ours stay in the log; callers learn that there was one. */
export function maskError(cause: unknown, message: string, log: Logger): GraphQLError {
  if (cause instanceof GraphQLError && (cause.originalError == null || cause.originalError instanceof GraphQLError)) {
    return cause;
  }
  log.error({ err: cause instanceof GraphQLError ? cause.originalError : cause }, 'A resolver failed');
  const at = cause instanceof GraphQLError ? { nodes: cause.nodes, path: cause.path } : {};
  return new GraphQLError(message, { ...at, extensions: { code: 'INTERNAL_SERVER_ERROR' } });
}

const valid = new WeakSet<DocumentNode>();

const limits: Plugin = {
  onParse: ({ params, setParseFn, parseFn }) => {
    setParseFn((source: string) => {
      const read = readDocument(source);
      if (!read.isValid) return parseFn(source, { ...params.options, maxTokens: LIMITS.tokens });
      valid.add(read.document);
      return read.document;
    });
  },
  onValidate: ({ params, setResult }) => {
    if (valid.has(params.documentAST)) setResult([]);
  },
  // As a result and not as a throw, which would end a whole WebSocket connection.
  onExecute: ({ args, setResultAndStopExecution }) => {
    const excess = checkLimits(args.document, args.operationName, args.variableValues);
    if (excess !== null) setResultAndStopExecution({ errors: [excess] });
  },
  onSubscribe: ({ args, setResultAndStopExecution }) => {
    const excess = checkLimits(args.document, args.operationName, args.variableValues);
    if (excess !== null) setResultAndStopExecution({ errors: [excess] });
  },
};
