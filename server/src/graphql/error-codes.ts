import { GraphQLError } from 'graphql';

/**
 * Every code that `extensions.code` of an error may have, over HTTP, server-sent events and WebSocket. A code is never
 * renamed or given another meaning; new ones may come.
 */
export const ERROR_CODES = {
  UNAUTHENTICATED:
    'No credential came with the request, or it is wrong, or its session is over. The message says which.',
  FORBIDDEN: 'Who asks may not do this, or the page that asks belongs to an origin that may not.',
  BAD_REQUEST: 'The request holds no GraphQL operation: no query, no JSON, an unknown parameter.',
  GRAPHQL_PARSE_FAILED: 'The document is not written in GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The document asks for what the schema does not have.',
  OPERATION_RESOLUTION_FAILURE: 'The document has no operation of the given name, or several and no name was given.',
  BAD_USER_INPUT: 'A variable or an argument has a value that does not fit. The message names it.',
  PERSISTED_QUERY_NOT_SUPPORTED: 'Send the query itself: the server keeps none by their hashes.',
  NOT_FOUND: 'What the operation is about is not there.',
  CLUSTER_UNAVAILABLE: 'The cluster can not be asked now, and its answer is needed. Try again.',
  LIMIT_EXCEEDED: 'The operation asks for more than is given at a time. The message names the limit.',
  RATE_LIMITED: 'Too many operations were begun, or wrong credentials sent, in a short time. Wait a moment.',
  SERVER_BUSY:
    'As many subscriptions or logs are open, or operations wait, as the server takes. Nothing has been changed: try again.',
  PAYLOAD_TOO_LARGE: 'The body of the request is too large.',
  REQUEST_TIMEOUT: 'The body of the request did not come in time. Try again.',
  METHOD_NOT_ALLOWED: 'The address does not take this HTTP method.',
  NOT_ACCEPTABLE: 'The Accept header names no media type in which there is an answer.',
  UNSUPPORTED_MEDIA_TYPE: 'The Content-Type header names no media type that is taken.',
  RANGE_NOT_SATISFIABLE: 'The Range header begins behind the end of the file.',
  INTERNAL_SERVER_ERROR: 'A fault of the server. Its log says more.',
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/** Whatever is wrong with a request as a whole, so that nothing of it has run. */
export function requestFault(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: code === 'SERVER_BUSY' ? BUSY : REFUSED } });
}

/** The same error with a code of the list, where it has none. Nothing else is left of its extensions but the HTTP status. */
export function withCode(error: GraphQLError): GraphQLError {
  // What breaks a stream comes wrapped in an error of the transport's.
  const { extensions } = error.cause instanceof GraphQLError ? error.cause : error;
  const { code, http } = extensions as { readonly code?: unknown; readonly http?: HttpExtension };
  const known = codeOf(error, code, http?.status);
  if (known === 'BAD_REQUEST') return copyOf(error, { code: known, http: { status: 400 } });
  if (http !== undefined) return copyOf(error, { code: known, http });
  // A field is to blame, and others have their data.
  if (error.path !== undefined) return copyOf(error, { code: known });
  return copyOf(error, { code: known, http: known === 'INTERNAL_SERVER_ERROR' ? { status: 500 } : REFUSED });
}

/** As `withCode`, for transports that have no status. */
export function withCodeAlone(error: GraphQLError): GraphQLError {
  const coded = withCode(error);
  return copyOf(coded, { code: coded.extensions['code'] });
}

/** `spec`: clients that accept nothing but application/json get 200, as GraphQL over HTTP has it. */
const REFUSED = { status: 400, spec: true };
const BUSY = { status: 503, headers: { 'retry-after': '5' } };

interface HttpExtension {
  readonly status?: number;
}

/** By other words for the same, as libraries have them. */
const SYNONYMS: Readonly<Record<string, ErrorCode>> = {
  REQUEST_ENTITY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
};

function codeOf({ path, nodes }: GraphQLError, code: unknown, status: number | undefined): ErrorCode {
  if (status === 405) return 'METHOD_NOT_ALLOWED';
  if (typeof code === 'string') {
    if (Object.hasOwn(ERROR_CODES, code)) return code as ErrorCode;
    const synonym = SYNONYMS[code];
    if (synonym !== undefined) return synonym;
  }
  // A value that doesn't fit stands somewhere in the document; what has no place in it was no GraphQL.
  return path === undefined && nodes === undefined ? 'BAD_REQUEST' : 'BAD_USER_INPUT';
}

function copyOf(error: GraphQLError, extensions: Readonly<Record<string, unknown>>): GraphQLError {
  const { message, nodes, source, positions, path } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}
