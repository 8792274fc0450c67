import { type DocumentNode, type GraphQLError, getOperationAST, Kind } from 'graphql';
import { DOCUMENT_LIMITS } from './document-limits.ts';
import { requestFault } from './error-codes.ts';
import { costOf } from './estimate.ts';
import { isTooDeep, readVariables } from './input-faults.ts';

/** What one operation may ask for. Far above what the dashboard or a notebook needs, far below what hurts. */
export const LIMITS = {
  ...DOCUMENT_LIMITS,
  /** Values the answer may hold: lists count as often as they ask for entries. */
  cost: 50_000,
} as const;

/** Why an operation can't run; null when it may. */
export function checkOperation(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>> | null | undefined,
): GraphQLError | null {
  const operation = getOperationAST(document, operationName);
  if (operation == null) return unresolved(document, operationName);
  if (isTooDeep(variables)) {
    const allowed = `at most ${LIMITS.nesting} levels`;
    return requestFault('LIMIT_EXCEEDED', `The variables are nested too deeply: ${allowed}`);
  }
  const read = readVariables(operation, variables ?? {});
  if ('fault' in read) return read.fault;
  const cost = costOf(document, operation, read.values);
  if (cost <= LIMITS.cost) return null;
  return requestFault('LIMIT_EXCEEDED', `The operation is too costly ${Math.ceil(cost)}, at most ${LIMITS.cost}`);
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
