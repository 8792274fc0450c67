import {
  type ASTNode,
  type DocumentNode,
  type GraphQLError,
  type GraphQLInputType,
  type GraphQLNamedType,
  getNamedType,
  getNullableType,
  getVariableValues,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  isValueNode,
  Kind,
  type ObjectFieldNode,
  type OperationDefinitionNode,
  TypeInfo,
  typeFromAST,
  type ValueNode,
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
  const { variableValues } = getVariableValues(schema, variableDefinitions, variables, { maxErrors: 1 });
  if (variableValues !== undefined) return { values: variableValues };
  for (const { variable, type: written, defaultValue } of variableDefinitions) {
    const name = variable.name.value;
    const type = typeFromAST(schema, written);
    if (!isInputType(type)) continue;
    const isGiven = Object.hasOwn(variables, name) && variables[name] !== undefined;
    if (!isGiven && (defaultValue !== undefined || !isNonNullType(type))) continue;
    const path = isGiven ? firstFault(variables[name], type) : [];
    if (path === null) continue;
    const { value, type: wanted } = at(path, variables[name], type);
    const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
    const what = isGiven ? misfit(wanted, place, keysOf(value)) : `a value of type ${type} is required`;
    return { fault: requestFault('BAD_USER_INPUT', `Variable "$${name}": ${what}`) };
  }
  return { fault: requestFault('BAD_USER_INPUT', 'The variables are not of the declared types') };
}

/** Ends a validation at its first fault. */
class FirstFault {
  readonly path: readonly (string | number)[];

  constructor(path: readonly (string | number)[]) {
    this.path = path;
  }
}

/**
 * The path of the first invalid value; null: all are valid. graphql-js would go on to the last one, and write out the whole
 * object for each field that it doesn't have.
 */
function firstFault(value: unknown, type: GraphQLInputType): readonly (string | number)[] | null {
  try {
    validateInputValue(value, type, (_error, path) => {
      throw new FirstFault(path);
    });
    return null;
  } catch (cause) {
    if (cause instanceof FirstFault) return cause.path;
    throw cause;
  }
}

interface Place {
  readonly value: unknown;
  readonly type: GraphQLInputType;
}

function at(path: readonly (string | number)[], value: unknown, type: GraphQLInputType): Place {
  let place: Place = { value, type };
  for (const key of path) {
    const nullable = getNullableType(place.type);
    const named = getNamedType(nullable);
    let inner = place.type;
    if (typeof key === 'number' && isListType(nullable)) inner = nullable.ofType as GraphQLInputType;
    if (typeof key === 'string' && isInputObjectType(named)) inner = named.getFields()[key]?.type ?? inner;
    place = { value: (place.value as Record<string | number, unknown> | undefined)?.[key], type: inner };
  }
  return place;
}

function keysOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

/**
 * What would be valid, without the value itself: a password or token in the wrong place appears in no answer, and so in
 * no client's log. For an object with wrong fields, one is named unless it has secrets.
 */
function misfit(type: GraphQLInputType, place: string, keys: readonly string[]): string {
  const named = getNamedType(type);
  let kind = '';
  if (isInputObjectType(named)) {
    const fields = named.getFields();
    const unknown = holdsSecret(named) ? undefined : keys.find((key) => !Object.hasOwn(fields, key));
    kind = `, an object of ${Object.keys(fields).join(', ')}`;
    if (unknown !== undefined && NAME.test(unknown)) kind += `; it has no field "${unknown}"`;
  } else if (isEnumType(named))
    kind = `, one of ${named
      .getValues()
      .map(({ name }) => name)
      .join(', ')}`;
  else kind = WORDS[named.name] ?? '';
  return `the value${place === '' ? '' : ` at ${place}`} is not valid: it must be of type ${type}${kind}`;
}

/** Short enough for a field. */
const NAME = /^[_A-Za-z]\w{0,39}$/;

/** Descriptions of scalars, beyond their names. */
const WORDS: Readonly<Record<string, string>> = {
  DateTime: ', RFC 3339 with a zone: "2026-01-31T12:00:00Z"',
  SafeInt: ', an integer of at most 2^53-1 in magnitude',
  Int: ', an integer of at most 2^31-1 in magnitude',
};

const holding = new Map<GraphQLNamedType, boolean>();

/** Whether a value of this type contains a secret. */
function holdsSecret(type: GraphQLInputType): boolean {
  const named = getNamedType(type);
  const known = holding.get(named);
  if (known !== undefined || !isInputObjectType(named)) return known ?? false;
  // An input that contains itself adds nothing.
  holding.set(named, false);
  const holds = Object.values(named.getFields()).some(
    (field) => field.extensions['isSecret'] === true || holdsSecret(field.type),
  );
  holding.set(named, holds);
  return holds;
}

/** The messages of validation, without the values that are written in the document. */
export function withoutValues(document: DocumentNode, errors: readonly GraphQLError[]): readonly string[] {
  // By their positions: graphql-js reports a list or an object by a copy of it.
  const faulty = new Set(errors.map(({ nodes: [node] = [] }) => node?.loc?.start));
  const told = new Map<number, string>();
  const types = new TypeInfo(schema);
  let owner = '';
  const path: string[] = [];
  visit(
    document,
    visitWithTypeInfo(types, {
      enter: (node) => {
        if (node.kind === Kind.ARGUMENT) owner = `Argument "${node.name.value}"`;
        else if (node.kind === Kind.VARIABLE_DEFINITION) owner = `Variable "$${node.variable.name.value}"`;
        const start = node.loc?.start;
        if (start !== undefined && faulty.has(start) && isPartOfValue(node)) {
          // A field that its object doesn't have has no type of its own.
          const type = types.getInputType() ?? types.getParentInputType();
          const keys = node.kind === Kind.OBJECT_FIELD ? [node.name.value] : [];
          if (type != null) told.set(start, `${owner}: ${misfit(type, path.join(''), keys)}`);
        }
        if (node.kind === Kind.OBJECT_FIELD) path.push(`.${node.name.value}`);
      },
      leave: ({ kind }) => {
        if (kind === Kind.OBJECT_FIELD) path.pop();
      },
    }),
  );
  return errors.map(({ message, nodes: [node] = [] }) => {
    if (node === undefined || !isPartOfValue(node)) return message;
    return told.get(node.loc?.start ?? -1) ?? 'A value does not fit';
  });
}

function isPartOfValue(node: ASTNode): node is ValueNode | ObjectFieldNode {
  return (isValueNode(node) && node.kind !== Kind.VARIABLE) || node.kind === Kind.OBJECT_FIELD;
}

/** A syntax error without the unexpected token, which may be a secret; its position is reported. */
export function withoutWord(message: string): string {
  return message.replace(/\b(Name|Int|Float|String|BlockString) ".*"/s, '$1');
}

/**
 * Why variables can't be read: nested so deeply that recursion may overflow the stack, or so many that it takes long.
 * Null: they can.
 */
export function excessOf(variables: unknown): string | null {
  const { nesting, variableValues } = DOCUMENT_LIMITS;
  let level: readonly unknown[] = [variables];
  let count = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > nesting) return `The variables are nested too deeply: at most ${nesting} levels`;
    const next: unknown[] = [];
    for (const part of level) {
      if (typeof part !== 'object' || part === null) continue;
      for (const value of Array.isArray(part) ? part : Object.values(part)) {
        count += 1;
        if (count > variableValues) return `The variables contain more than ${variableValues} values`;
        next.push(value);
      }
    }
    level = next;
  }
  return null;
}
