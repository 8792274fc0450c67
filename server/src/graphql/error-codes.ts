import { type ExecutionResult, GraphQLError } from 'graphql';

/**
 * Every code that `extensions.code` of an error may have, over HTTP, server-sent events and WebSocket. A code is never
 * renamed or given another meaning; new ones may come.
 */
export const ERROR_CODES = {
  UNAUTHENTICATED:
    'The request carries no credential, its credential is wrong, or its session is over. The message says which.',
  FORBIDDEN: 'The user may not do this, or the page that sent the request belongs to an origin that is not allowed.',
  BAD_REQUEST: 'The request contains no GraphQL operation: no query, invalid JSON, or an unknown parameter.',
  GRAPHQL_PARSE_FAILED: 'The document is not valid GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The document does not match the schema.',
  OPERATION_RESOLUTION_FAILURE:
    'The document has no operation with the given name, or it has several and no name was given.',
  BAD_USER_INPUT: 'The value of a variable or an argument is not valid. The message names it.',
  PERSISTED_QUERY_NOT_SUPPORTED: 'Persisted queries are not supported. Send the query itself.',
  NOT_FOUND: 'The object that the operation needs does not exist.',
  CLUSTER_UNAVAILABLE: 'The cluster is not available now, and its answer is needed. Try again.',
  LIMIT_EXCEEDED: 'The operation exceeds a limit, or its session has too much open. The message names the limit.',
  RATE_LIMITED:
    'Too many operations were started, or too many wrong credentials were sent, in a short time. Wait a moment.',
  SERVER_BUSY:
    'Too many subscriptions or logs are open, or too many operations are waiting. Nothing has been changed. Try again.',
  PAYLOAD_TOO_LARGE: 'The body of the request is too large.',
  REQUEST_TIMEOUT: 'The body of the request did not arrive in time. Try again.',
  METHOD_NOT_ALLOWED: 'The address does not support this HTTP method.',
  NOT_ACCEPTABLE: 'The server cannot answer in any media type of the Accept header.',
  UNSUPPORTED_MEDIA_TYPE: 'The server does not accept the media type of the Content-Type header.',
  RANGE_NOT_SATISFIABLE: 'The Range header begins beyond the end of the file.',
  INTERNAL_SERVER_ERROR: 'A fault of the server. Its log has the details.',
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/** An error of the whole request: nothing of it has run. */
export function requestFault(code: ErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: code === 'SERVER_BUSY' ? BUSY : REFUSED } });
}

/** The same error with a code of the list. Its other extensions are dropped, except the HTTP status. */
export function withCode(error: GraphQLError): GraphQLError {
  // The transport wraps an error that breaks a stream.
  const { extensions } = error.cause instanceof GraphQLError ? error.cause : error;
  const { code, http } = extensions as { readonly code?: unknown; readonly http?: HttpExtension };
  const known = codeOf(error, code, http?.status);
  if (known === 'BAD_REQUEST') return copyOf(error, { code: known, http: { status: 400 } });
  if (http !== undefined) return copyOf(error, { code: known, http });
  // A single field failed; others have their data.
  if (error.path !== undefined) return copyOf(error, { code: known });
  return copyOf(error, { code: known, http: known === 'INTERNAL_SERVER_ERROR' ? { status: 500 } : REFUSED });
}

/** As `withCode`, for transports that have no status. */
export function withCodeAlone(error: GraphQLError): GraphQLError {
  const coded = withCode(error);
  return copyOf(coded, { code: coded.extensions['code'] });
}

/** The same result with its errors as `withCodeAlone` gives them. */
export function withCodesAlone({ errors, ...answer }: ExecutionResult): ExecutionResult {
  return errors === undefined ? answer : { ...answer, errors: errors.map(withCodeAlone) };
}

/** `spec`: clients that accept nothing but application/json get 200, as GraphQL over HTTP has it. */
const REFUSED = { status: 400, spec: true };
const BUSY = { status: 503, headers: { 'retry-after': '5' } };

interface HttpExtension {
  readonly status?: number;
}

/** Codes that libraries use for the same fault. */
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
  // An invalid value has a position in the document; an error without one is not GraphQL's.
  return path === undefined && nodes === undefined ? 'BAD_REQUEST' : 'BAD_USER_INPUT';
}

function copyOf(error: GraphQLError, extensions: Readonly<Record<string, unknown>>): GraphQLError {
  const { message, nodes, source, positions, path } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}
