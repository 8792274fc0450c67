import { type DocumentNode, GraphQLError, parse, validate } from 'graphql';
import { type ErrorCode, requestFault } from './error-codes.ts';
import { LIMITS } from './limits.ts';
import { schema } from './schema.ts';

/** What clients send is mostly the same few documents. */
const MAX_DOCUMENTS = 500;
const MAX_REMEMBERED_LENGTH = 16 * 1024;
/** Of all of them together. A parsed document takes some hundred bytes of memory a byte of text. */
const MAX_TOTAL_LENGTH = 512 * 1024;

export type ReadDocument =
  | { readonly isValid: true; readonly document: DocumentNode }
  | { readonly isValid: false; readonly errors: readonly GraphQLError[] };

/** By text, the one that was wanted last at the end. */
const known = new Map<string, ReadDocument>();
let totalLength = 0;

/** Parses and validates a document. Equal texts give the same document. */
export function readDocument(text: string): ReadDocument {
  const read = known.get(text) ?? parseAndValidate(text);
  if (text.length > MAX_REMEMBERED_LENGTH) return read;
  forget(text);
  known.set(text, read);
  totalLength += text.length;
  for (const oldest of known.keys()) {
    if (known.size <= MAX_DOCUMENTS && totalLength <= MAX_TOTAL_LENGTH) break;
    forget(oldest);
  }
  return read;
}

function forget(text: string): void {
  if (known.delete(text)) totalLength -= text.length;
}

function parseAndValidate(text: string): ReadDocument {
  try {
    const document = parse(text, { maxTokens: LIMITS.tokens });
    const errors = validate(schema, document);
    if (errors.length === 0) return { isValid: true, document };
    return { isValid: false, errors: errors.map((error) => coded('GRAPHQL_VALIDATION_FAILED', error)) };
  } catch (cause) {
    // Both go down into it by recursion, and the stack may be at its end before the words are.
    if (cause instanceof RangeError)
      return refused(requestFault('LIMIT_EXCEEDED', 'The document is nested too deeply'));
    if (!(cause instanceof GraphQLError)) throw cause;
    return refused(coded(TOO_MANY_TOKENS.test(cause.message) ? 'LIMIT_EXCEEDED' : 'GRAPHQL_PARSE_FAILED', cause));
  }
}

/** How graphql-js says that a document has more words than `maxTokens`. A test holds it. */
const TOO_MANY_TOKENS = /^Syntax Error: Document contains more th\w+ \d+ tokens/;

function refused(error: GraphQLError): ReadDocument {
  return { isValid: false, errors: [error] };
}

function coded(code: ErrorCode, { message, nodes, source, positions }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { nodes, source, positions, extensions: requestFault(code, message).extensions });
}
