import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  getArgumentValues,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { VariableValues } from './input-faults.ts';
import type { Arguments, CostOf } from './marks.ts';
import { schema } from './schema.ts';

/** The assumed length of lists of unknown length. */
const ENTRIES = 10;

/** The cost of a mutation. */
const WRITE = 100;

/** Of introspection, as they are in this schema or one like it: a whole one comes to about what its answer holds. */
const INTROSPECTION: Readonly<Record<string, number>> = {
  '__Schema.types': 90,
  '__Schema.directives': 8,
  '__Type.fields': 5,
  '__Type.inputFields': 2,
  '__Type.enumValues': 2,
  '__Type.interfaces': 1,
  '__Type.possibleTypes': 1,
  // Most types are wrapped once or twice.
  '__Type.ofType': 0.5,
  '__Field.args': 1,
  '__Directive.args': 2,
};

/** How many characters of an argument cost as much as one list entry. */
const CHARACTERS = 256;

/** The estimated cost of an operation. */
export interface Estimate {
  /** Values in the answer, and work of equal cost. */
  readonly values: number;
  /** Rows that lists are read from. */
  readonly rows: number;
}

export function estimateOf(
  { definitions }: DocumentNode,
  { operation, selectionSet }: OperationDefinitionNode,
  variables: VariableValues,
): Estimate {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const root = schema.getRootType(operation);
  const estimator = new Estimator(fragments, variables);
  return { values: root == null ? 0 : estimator.selection(selectionSet, root, 1), rows: estimator.rows };
}

class Estimator {
  /** As far as it was counted. */
  rows = 0;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #variables: VariableValues;
  /** The sizes of variables, each of which may be used in any number of places. */
  readonly #weights = new Map<object, number>();
  /** By field where it is written: a fragment may be spread in any number of places. */
  readonly #arguments = new Map<FieldNode, { readonly of: object; readonly args: Arguments | null }>();

  constructor(fragments: ReadonlyMap<string, FragmentDefinitionNode>, variables: VariableValues) {
    this.#fragments = fragments;
    this.#variables = variables;
  }

  /** `times`: how many of the type there may be. */
  selection({ selections }: SelectionSetNode, type: GraphQLNamedType, times: number): number {
    let sum = 0;
    for (const part of selections) {
      if (part.kind === Kind.FIELD) {
        sum += this.#field(part, type, times);
        continue;
      }
      const fragment = part.kind === Kind.FRAGMENT_SPREAD ? this.#fragments.get(part.name.value) : part;
      if (fragment === undefined) continue;
      const condition = fragment.typeCondition && schema.getType(fragment.typeCondition.name.value);
      sum += this.selection(fragment.selectionSet, condition ?? type, times);
    }
    return sum;
  }

  #field(node: FieldNode, parent: GraphQLNamedType, times: number): number {
    const field =
      isObjectType(parent) || isInterfaceType(parent) ? schema.getField(parent, node.name.value) : undefined;
    if (field == null) return times;
    const args = this.#argumentsOf(field, node);
    // With invalid arguments, the field is an error and nothing below it runs; everything else does.
    if (args === null) return times;
    const { own, entries, rows, isOnce } = costOfField(field, parent, args);
    this.rows += rows * times;
    const ofEach = own + this.#weight(args);
    const { selectionSet } = node;
    const below =
      selectionSet === undefined ? 0 : this.selection(selectionSet, getNamedType(field.type), times * entries);
    return ofEach * (isOnce ? 1 : times) + below;
  }

  /** Null: they are invalid. */
  #argumentsOf(field: GraphQLField<unknown, unknown>, node: FieldNode): Arguments | null {
    const known = this.#arguments.get(node);
    if (known?.of === field) return known.args;
    let args: Arguments | null = null;
    try {
      args = getArgumentValues(field, node, this.#variables);
    } catch {
      // The field itself says what is wrong.
    }
    this.#arguments.set(node, { of: field, args });
    return args;
  }

  /** The length of lists and texts in arguments, which are compared with each job or entry. */
  #weight(value: unknown): number {
    if (typeof value === 'string') return Math.floor(value.length / CHARACTERS);
    if (typeof value !== 'object' || value === null) return 0;
    const known = this.#weights.get(value);
    if (known !== undefined) return known;
    let weight = Array.isArray(value) ? value.length : 0;
    for (const part of Object.values(value)) weight += this.#weight(part);
    this.#weights.set(value, weight);
    return weight;
  }
}

function costOfField(field: GraphQLField<unknown, unknown>, parent: GraphQLNamedType, args: Arguments) {
  const { cost } = field.extensions as { readonly cost?: CostOf };
  const told = typeof cost === 'function' ? cost(args) : (cost ?? {});
  const isList = isListType(getNullableType(field.type));
  const { own, entries, rows, isOnce } = {
    own: parent === schema.getMutationType() ? WRITE : 1,
    entries: INTROSPECTION[`${parent.name}.${field.name}`] ?? (isList ? ENTRIES : 1),
    rows: 0,
    isOnce: false,
    ...told,
  };
  // The field itself refuses a negative number.
  return { own: Math.max(own, 0), entries: Math.max(entries, 0), rows: Math.max(rows, 0), isOnce };
}
