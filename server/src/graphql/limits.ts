import { complexityFromQuery } from '@pothos/plugin-complexity';
import { type DocumentNode, GraphQLError, getOperationAST, Kind } from 'graphql';
import { DOCUMENT_LIMITS } from './document-limits.ts';
import { requestFault } from './error-codes.ts';
import { schema } from './schema.ts';

/** What one operation may ask for. Far above what the dashboard or a notebook needs, far below what hurts. */
export const LIMITS = {
  ...DOCUMENT_LIMITS,
  /** Values the answer may hold: lists count as often as they ask for entries. */
  cost: 50_000,
} as const;

/** Why an operation can't run; null when it may, or its variables don't fit, of which its execution tells. */
export function checkOperation(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>> | null | undefined,
): GraphQLError | null {
  if (getOperationAST(document, operationName) != null) return checkLimits(document, operationName, variables);
  const names = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? [definition.name?.value ?? ''] : [],
  );
  return requestFault('OPERATION_RESOLUTION_FAILURE', unresolved(operationName, names));
}

function unresolved(operationName: string | null | undefined, names: readonly string[]): string {
  if (names.length === 0) return 'query: the document holds no operation, only fragments';
  const listed = names.filter(Boolean).join(', ');
  return operationName == null
    ? `operationName: the document has several operations, name one: ${listed}`
    : `operationName: the document has no operation ${JSON.stringify(operationName)}, only ${listed || 'one without a name'}`;
}

/** What an operation asks too much of; null when it may run, or its variables don't fit, of which its execution tells. */
export function checkLimits(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>> | null | undefined,
): GraphQLError | null {
  // Of several operations only the one that runs counts.
  const isMeant = (name: string | undefined) => operationName == null || name === operationName;
  const definitions = document.definitions.filter(
    (definition) => definition.kind !== Kind.OPERATION_DEFINITION || isMeant(definition.name?.value),
  );
  const size = sizeOf({ ...document, definitions }, { ...variables });
  if (size === null) return null;
  const excess = [
    ['deep', size.depth, LIMITS.depth],
    ['wide: fields and aliases', size.breadth, LIMITS.fields],
    ['costly', size.complexity, LIMITS.cost],
  ] as const;
  for (const [word, actual, limit] of excess) {
    if (actual <= limit) continue;
    return new GraphQLError(`The operation is too ${word} ${actual}, at most ${limit}`, {
      extensions: { code: 'LIMIT_EXCEEDED', http: { status: 400 } },
    });
  }
  return null;
}

/** Null where the variables are not of their types. */
function sizeOf(document: DocumentNode, variables: Record<string, unknown>) {
  try {
    return complexityFromQuery(document, { schema, variables });
  } catch (cause) {
    if (cause instanceof GraphQLError) return null;
    throw cause;
  }
}
