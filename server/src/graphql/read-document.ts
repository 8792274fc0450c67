import {
  type DocumentNode,
  GraphQLError,
  OverlappingFieldsCanBeMergedRule,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { checkDocument, checkText, DOCUMENT_LIMITS } from './document-limits.ts';
import { type ErrorCode, requestFault } from './error-codes.ts';
import { withoutValues, withoutWord } from './input-faults.ts';
import { mergeableFields } from './mergeable-fields.ts';
import { schema } from './schema.ts';

const RULES = [...specifiedRules.filter((rule) => rule !== OverlappingFieldsCanBeMergedRule), mergeableFields];
/** The author of a document fixes errors one by one. */
const MAX_ERRORS = 10;
/** An error with hundreds of positions helps nobody, and each must be found in the text. */
const MAX_PLACES = 3;

/** Clients mostly send the same few documents. */
const MAX_DOCUMENTS = 500;
/** In total, in characters and tokens: a token takes about a hundred bytes of memory. */
const MAX_TOTAL_LENGTH = 2 * DOCUMENT_LIMITS.characters;
const MAX_TOTAL_TOKENS = 20 * DOCUMENT_LIMITS.tokens;

export type ReadDocument =
  | { readonly isValid: true; readonly document: DocumentNode }
  | { readonly isValid: false; readonly errors: readonly GraphQLError[] };

/** By text; the last used is at the end. */
const known = new Map<string, ReadDocument>();
let totalLength = 0;
let totalTokens = 0;

/** Parses and validates a document. Equal texts give the same document. */
export function readDocument(text: string): ReadDocument {
  const tooLong = checkText(text);
  if (tooLong !== null) return refused(tooLong);
  const read = known.get(text) ?? parseAndValidate(text);
  forget(text);
  known.set(text, read);
  totalLength += text.length;
  totalTokens += tokensOf(read);
  for (const oldest of known.keys()) {
    const isLittle = totalLength <= MAX_TOTAL_LENGTH && totalTokens <= MAX_TOTAL_TOKENS;
    if (oldest === text || (known.size <= MAX_DOCUMENTS && isLittle)) break;
    forget(oldest);
  }
  return read;
}

function forget(text: string): void {
  const read = known.get(text);
  if (read === undefined) return;
  known.delete(text);
  totalLength -= text.length;
  totalTokens -= tokensOf(read);
}

/** A refused document is kept without its tokens. */
function tokensOf(read: ReadDocument): number {
  return read.isValid ? (read.document.tokenCount ?? 0) : 0;
}

function parseAndValidate(text: string): ReadDocument {
  try {
    const document = parse(text, { maxTokens: DOCUMENT_LIMITS.tokens });
    const excess = checkDocument(document);
    if (excess !== null) return refused(excess);
    const errors = validate(schema, document, RULES, { maxErrors: MAX_ERRORS });
    if (errors.length === 0) return { isValid: true, document };
    const messages = withoutValues(document, errors);
    return refused(...errors.map((error, index) => coded('GRAPHQL_VALIDATION_FAILED', error, messages[index])));
  } catch (cause) {
    // The parser is recursive, and may overflow the stack before the limit of tokens.
    if (cause instanceof RangeError)
      return refused(requestFault('LIMIT_EXCEEDED', 'The document is nested too deeply'));
    if (!(cause instanceof GraphQLError)) throw cause;
    // A rule that gave up.
    if (cause.extensions['code'] === 'LIMIT_EXCEEDED') return refused(cause);
    const isTooLong = TOO_MANY_TOKENS.test(cause.message);
    return refused(coded(isTooLong ? 'LIMIT_EXCEEDED' : 'GRAPHQL_PARSE_FAILED', cause, withoutWord(cause.message)));
  }
}

/** graphql-js's message for more tokens than `maxTokens`. A test checks it. */
const TOO_MANY_TOKENS = /^Syntax Error: Document contains more th\w+ \d+ tokens/;

function refused(...errors: readonly GraphQLError[]): ReadDocument {
  // Formatted, a stack trace no longer keeps its functions, and with them the document.
  for (const error of errors) error.stack = '';
  return { isValid: false, errors };
}

/** Without the document's nodes, which keep all its tokens; positions refer to the text. */
function coded(code: ErrorCode, { message: told, source, positions }: GraphQLError, message = told): GraphQLError {
  const places = positions?.slice(0, MAX_PLACES);
  return new GraphQLError(message, { source, positions: places, extensions: requestFault(code, message).extensions });
}
