import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLInputType,
  type GraphQLNamedType,
  getNamedType,
  getNullableType,
  getVariableValues,
  isInputObjectType,
  isInputType,
  isListType,
  type OperationDefinitionNode,
  TypeInfo,
  typeFromAST,
  validateInputValue,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { DOCUMENT_LIMITS } from './document-limits.ts';
import { requestFault } from './error-codes.ts';
import { schema } from './schema.ts';

type Variables = Readonly<Record<string, unknown>>;
export type VariableValues = NonNullable<ReturnType<typeof getVariableValues>['variableValues']>;

/** The variables of an operation by their types, or what is wrong with the first one that is not of its type. */
export function readVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Variables,
): { readonly values: VariableValues } | { readonly fault: GraphQLError } {
  const { variableValues, errors = [] } = getVariableValues(schema, variableDefinitions, variables, { maxErrors: 1 });
  if (variableValues !== undefined) return { values: variableValues };
  for (const { variable, type: written } of variableDefinitions) {
    const name = variable.name.value;
    const type = typeFromAST(schema, written);
    if (!isInputType(type) || !holdsSecret(type) || !Object.hasOwn(variables, name)) continue;
    const path = firstFault(variables[name], type);
    if (path === null) continue;
    const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
    return { fault: requestFault('BAD_USER_INPUT', `Variable "$${name}": ${expected(typeAt(type, path), place)}`) };
  }
  const [{ message } = { message: 'The variables are not of their types' }] = errors;
  return { fault: requestFault('BAD_USER_INPUT', message) };
}

/** Where the first value stands that doesn't fit; null: all do. */
function firstFault(value: unknown, type: GraphQLInputType): readonly (string | number)[] | null {
  let first: readonly (string | number)[] | null = null;
  validateInputValue(value, type, (_error, path) => {
    first ??= path;
  });
  return first;
}

function typeAt(type: GraphQLInputType, path: readonly (string | number)[]): GraphQLInputType {
  let inner = type;
  for (const key of path) {
    const nullable = getNullableType(inner);
    if (typeof key === 'number' && isListType(nullable)) inner = nullable.ofType as GraphQLInputType;
    const named = getNamedType(inner);
    if (typeof key === 'string' && isInputObjectType(named)) inner = named.getFields()[key]?.type ?? inner;
  }
  return inner;
}

/** What would be right, without what is there. */
function expected(type: GraphQLInputType, place: string): string {
  const named = getNamedType(type);
  const fields = isInputObjectType(named) ? `, an object of ${Object.keys(named.getFields()).join(', ')}` : '';
  return `the value${place === '' ? '' : ` at ${place}`} doesn't fit: it is to be of type ${type}${fields}`;
}

const holding = new Map<GraphQLNamedType, boolean>();

/** Whether a value of this type has a secret in it somewhere. */
function holdsSecret(type: GraphQLInputType): boolean {
  const named = getNamedType(type);
  const known = holding.get(named);
  if (known !== undefined || !isInputObjectType(named)) return known ?? false;
  // An input that holds itself holds no more by that.
  holding.set(named, false);
  const holds = Object.values(named.getFields()).some(
    (field) => field.extensions['isSecret'] === true || holdsSecret(field.type),
  );
  holding.set(named, holds);
  return holds;
}

/** A message of validation's, without the values of an argument that may hold a secret. */
export function withoutSecrets(document: DocumentNode, errors: readonly GraphQLError[]): readonly string[] {
  const places = new Map<number, string>();
  const types = new TypeInfo(schema);
  /** Of the argument or default that it is in, where that may hold a secret. */
  let secretUntil = -1;
  visit(
    document,
    visitWithTypeInfo(types, {
      enter: (node) => {
        const { start, end } = node.loc ?? { start: 0, end: 0 };
        if (node.kind === 'Argument' || node.kind === 'VariableDefinition') {
          const type = types.getInputType();
          if (type != null && holdsSecret(type)) secretUntil = Math.max(secretUntil, end);
        }
        if (start >= secretUntil) return;
        const type = types.getInputType() ?? types.getParentInputType();
        if (type != null && !places.has(start)) places.set(start, expected(type, ''));
      },
    }),
  );
  return errors.map(({ message, positions = [] }) => places.get(positions[0] ?? -1) ?? message);
}

/** Of a syntax error, without the word that it met: its place is told, and it may be a secret that was written there. */
export function withoutWord(message: string): string {
  return message.replace(/\b(Name|Int|Float|String|BlockString) ".*"/s, '$1');
}

/** Whether values are so deep in each other that whoever goes down into them may not come back. */
export function isTooDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DOCUMENT_LIMITS.nesting) return true;
    level = level.flatMap((part) => (typeof part === 'object' && part !== null ? Object.values(part) : []));
  }
  return false;
}
