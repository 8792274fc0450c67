import { type DocumentNode, GraphQLError, parse, validate } from 'graphql';
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

/** Parses and validates a document. Equal texts give the same document. Throws GraphQLError for a syntax error. */
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
    return errors.length === 0 ? { isValid: true, document } : { isValid: false, errors };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    // Both go down into it by recursion, and the stack is at its end before the words are.
    const message = 'The document is nested too deeply';
    return { isValid: false, errors: [new GraphQLError(message, { extensions: { code: 'LIMIT_EXCEEDED' } })] };
  }
}
