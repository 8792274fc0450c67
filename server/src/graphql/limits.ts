import { type DocumentNode, type GraphQLError, getOperationAST, Kind } from 'graphql';
import { DOCUMENT_LIMITS } from './document-limits.ts';
import { requestFault } from './error-codes.ts';
import { estimateOf } from './estimate.ts';
import { excessOf, readVariables } from './input-faults.ts';
import { type Scale, SMALL } from './work.ts';

/** The limits of one operation: far above what the dashboard or a notebook needs. */
export const LIMITS = {
  ...DOCUMENT_LIMITS,
  /** Values in the answer: fields in a list count once for each requested entry. */
  cost: 50_000,
} as const;

/** The estimate of an operation, or why it can't run. */
export type Checked = { readonly fault: GraphQLError } | { readonly fault: null; readonly scale: Scale };

export function checkOperation(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>> | null | undefined,
): Checked {
  const operation = getOperationAST(document, operationName);
  if (operation == null) return { fault: unresolved(document, operationName) };
  const excess = excessOf(variables);
  if (excess !== null) return { fault: requestFault('LIMIT_EXCEEDED', excess) };
  const read = readVariables(operation, variables ?? {});
  if ('fault' in read) return read;
  const { values, rows } = estimateOf(document, operation, read.values);
  if (values > LIMITS.cost) {
    const message = `The operation is too costly ${Math.ceil(values)}, at most ${LIMITS.cost}`;
    return { fault: requestFault('LIMIT_EXCEEDED', message) };
  }
  return { fault: null, scale: { kind: operation.operation, isLarge: values > SMALL.values || rows > SMALL.rows } };
}

function unresolved({ definitions }: DocumentNode, operationName: string | null | undefined): GraphQLError {
  const names = definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? [definition.name?.value ?? ''] : [],
  );
  return requestFault('OPERATION_RESOLUTION_FAILURE', whyUnresolved(operationName, names));
}

function whyUnresolved(operationName: string | null | undefined, names: readonly string[]): string {
  if (names.length === 0) return 'query: the document holds no operation, only fragments';
  const listed = names.filter(Boolean).join(', ');
  return operationName == null
    ? `operationName: the document has several operations, name one: ${listed}`
    : `operationName: the document has no operation ${JSON.stringify(operationName)}, only ${listed || 'one without a name'}`;
}
