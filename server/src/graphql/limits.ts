import { complexityFromQuery } from '@pothos/plugin-complexity';
import { type DocumentNode, GraphQLError, Kind } from 'graphql';
import { schema } from './schema.ts';

/** What one operation may ask for. Far above what the dashboard or a notebook needs, far below what hurts. */
export const LIMITS = {
  /** Fields within fields. */
  depth: 16,
  /** Fields in the document, every alias of the same field counted. */
  fields: 400,
  /** Values the answer may hold: lists count as often as they ask for entries. */
  cost: 50_000,
  /** Words of the document, checked while it is parsed. */
  tokens: 5_000,
} as const;

/** What an operation asks too much of; null when it may run. */
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
  const { depth, breadth, complexity } = complexityFromQuery(
    { ...document, definitions },
    { schema, variables: { ...variables } },
  );
  const excess = [
    ['deep', depth, LIMITS.depth],
    ['wide: fields and aliases', breadth, LIMITS.fields],
    ['costly', complexity, LIMITS.cost],
  ] as const;
  for (const [word, actual, limit] of excess) {
    if (actual <= limit) continue;
    return new GraphQLError(`The operation is too ${word} ${actual}, at most ${limit}`, {
      extensions: { code: 'LIMIT_EXCEEDED', http: { status: 400 } },
    });
  }
  return null;
}
