import {
  type ASTVisitor,
  type FieldNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  print,
  type SelectionSetNode,
  type ValidationContext,
  type ValueNode,
} from 'graphql';
import { requestFault } from './error-codes.ts';

/**
 * How many selections are looked at, for all operations of a document. Fields of an interface belong to each type beside
 * them, so that those below are looked at once for each combination of types. Documents that people write need hundreds.
 */
const MOST_LOOKED_AT = 50_000;

type Parent = GraphQLNamedType | undefined;
type Selection = readonly [SelectionSetNode, Parent];

/** A field where it is selected. */
interface Selected {
  readonly node: FieldNode;
  readonly parent: Parent;
  /** Undefined: there is no such field, which another rule reports. */
  readonly definition: GraphQLField<unknown, unknown> | undefined;
}

/**
 * Checks that fields with the same response name can be merged (GraphQL specification, 5.3.2). graphql-js compares each
 * with each other one, and their selections. Here all fields of a name are compared with the first one, and their
 * selections are checked together: each field once, wherever it is spread. Throws LIMIT_EXCEEDED.
 */
export function mergeableFields(context: ValidationContext): ASTVisitor {
  const check = new Check(context);
  return {
    OperationDefinition: ({ operation, selectionSet }) => {
      const root: Selection = [selectionSet, context.getSchema().getRootType(operation) ?? undefined];
      check.fields([root]);
      check.shapes([root]);
    },
  };
}

class Check {
  readonly #context: ValidationContext;
  readonly #told = new Set<FieldNode>();
  readonly #arguments = new Map<FieldNode, string>();
  #lookedAt = 0;

  constructor(context: ValidationContext) {
    this.#context = context;
  }

  /** A name has one shape in an answer, even where types exclude each other. */
  shapes(selections: readonly Selection[]): void {
    for (const all of this.#collect(selections)) {
      const known = all.filter(({ definition }) => definition !== undefined);
      for (const other of known) {
        const types = [known[0]?.definition?.type, other.definition?.type] as const;
        if (hasOtherShape(...types))
          this.#tell(known[0], other, `they return conflicting types ${types.join(' and ')}`);
      }
      this.shapes(inside(all));
    }
  }

  /** Of one object, a name is one field with the same arguments. */
  fields(selections: readonly Selection[]): void {
    for (const all of this.#collect(selections)) {
      for (const together of ofOneObject(all)) {
        const [first] = together;
        for (const other of together) {
          const names = [first?.node.name.value, other.node.name.value];
          if (names[0] !== names[1]) this.#tell(first, other, `"${names.join('" and "')}" are different fields`);
          else if (first !== undefined && this.#argumentsOf(first.node) !== this.#argumentsOf(other.node)) {
            this.#tell(first, other, 'they have differing arguments');
          }
        }
        this.fields(inside(together));
      }
    }
  }

  /** Fields by their names in the answer. */
  #collect(selections: readonly Selection[]): Iterable<readonly Selected[]> {
    const schema = this.#context.getSchema();
    const found = new Map<string, Selected[]>();
    const spread = new Set<string>();
    const add = ({ selections: parts }: SelectionSetNode, parent: Parent) => {
      for (const part of parts) {
        this.#lookedAt += 1;
        if (this.#lookedAt > MOST_LOOKED_AT) throw requestFault('LIMIT_EXCEEDED', TOO_MANY_COMBINATIONS);
        if (part.kind === Kind.FIELD) {
          const isComposite = isObjectType(parent) || isInterfaceType(parent);
          const definition = isComposite ? schema.getField(parent, part.name.value) : undefined;
          const name = part.alias?.value ?? part.name.value;
          const ofName = found.get(name) ?? [];
          ofName.push({ node: part, parent, definition });
          found.set(name, ofName);
          continue;
        }
        if (part.kind === Kind.FRAGMENT_SPREAD && spread.has(part.name.value)) continue;
        const fragment = part.kind === Kind.FRAGMENT_SPREAD ? this.#context.getFragment(part.name.value) : part;
        if (part.kind === Kind.FRAGMENT_SPREAD) spread.add(part.name.value);
        const type = fragment?.typeCondition;
        if (fragment != null) add(fragment.selectionSet, type === undefined ? parent : schema.getType(type.name.value));
      }
    };
    for (const selection of selections) add(...selection);
    return found.values();
  }

  #argumentsOf(node: FieldNode): string {
    const text =
      this.#arguments.get(node) ??
      (node.arguments ?? [])
        .map(({ name, value }) => `${name.value}:${canonical(value)}`)
        .sort()
        .join();
    this.#arguments.set(node, text);
    return text;
  }

  #tell(first: Selected | undefined, other: Selected, why: string): void {
    if (first === undefined || this.#told.has(other.node)) return;
    this.#told.add(other.node);
    const name = other.node.alias?.value ?? other.node.name.value;
    const message = `Fields "${name}" conflict because ${why}. Give one of them another alias.`;
    this.#context.reportError(new GraphQLError(message, { nodes: [first.node, other.node] }));
  }
}

const TOO_MANY_COMBINATIONS =
  'The document selects too many combinations of types. Select fewer types beside each other, or ask several questions';

/** The selections of fields of one name. */
function inside(fields: readonly Selected[]): Selection[] {
  return fields.flatMap(({ node, definition }) =>
    node.selectionSet === undefined ? [] : [[node.selectionSet, definition && getNamedType(definition.type)] as const],
  );
}

/** Fields that may belong to one object: of one type, and of any interfaces. */
function ofOneObject(fields: readonly Selected[]): readonly (readonly Selected[])[] {
  const types = new Set(fields.map(({ parent }) => parent).filter(isObjectType));
  if (types.size <= 1) return [fields];
  return [...types].map((type) => fields.filter(({ parent }) => parent === type || !isObjectType(parent)));
}

function hasOtherShape(one: GraphQLOutputType | undefined, other: GraphQLOutputType | undefined): boolean {
  if (one === undefined || other === undefined || one === other) return false;
  if (isNonNullType(one) || isNonNullType(other)) {
    return !isNonNullType(one) || !isNonNullType(other) || hasOtherShape(one.ofType, other.ofType);
  }
  if (isListType(one) || isListType(other)) {
    return !isListType(one) || !isListType(other) || hasOtherShape(one.ofType, other.ofType);
  }
  return isLeafType(one) || isLeafType(other);
}

/** The same text for the same value, whatever the order of an object's fields. */
function canonical(value: ValueNode): string {
  if (value.kind === Kind.LIST) return `[${value.values.map(canonical).join()}]`;
  if (value.kind !== Kind.OBJECT) return print(value);
  return `{${value.fields
    .map((field) => `${field.name.value}:${canonical(field.value)}`)
    .sort()
    .join()}}`;
}
