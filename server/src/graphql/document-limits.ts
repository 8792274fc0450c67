import {
  type ArgumentNode,
  type DirectiveNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type TypeNode,
  type ValueNode,
} from 'graphql';
import { type ErrorCode, requestFault } from './error-codes.ts';

/** Limits of a document. Validation visits some parts repeatedly, so it gets nothing larger. */
export const DOCUMENT_LIMITS = {
  characters: 256 * 1024,
  /** Each error searches them for its position. */
  lines: 5_000,
  /** Tokens, checked while it is parsed. */
  tokens: 5_000,
  /** Nested fields. */
  depth: 16,
  /** Of one operation; each alias counts, and fragments count wherever they are spread. */
  fields: 400,
  /** The same of all operations of a document together, each of which is validated. */
  allFields: 2_000,
  aliases: 100,
  /** Operations and fragments. */
  definitions: 100,
  variables: 100,
  /** Of one field. */
  arguments: 50,
  /** In one place; there are two that a query can have. */
  directives: 4,
  /** Nested lists and objects in a value; nested braces without a field. */
  nesting: 16,
  /** Of all variables of an operation, including the contents of lists and objects. */
  variableValues: 10_000,
} as const;

/** Null: the text may be parsed. */
export function checkText(text: string): GraphQLError | null {
  const { characters, lines } = DOCUMENT_LIMITS;
  if (text.length > characters) {
    return requestFault('LIMIT_EXCEEDED', `The document has ${text.length} characters, at most ${characters}`);
  }
  // Counting stops at the limit.
  if (text.split(/[\r\n]/, lines + 1).length <= lines) return null;
  return requestFault('LIMIT_EXCEEDED', `The document has more than ${lines} lines`);
}

/** Null: the document may be validated. Visits each of its parts once. */
export function checkDocument({ definitions }: DocumentNode): GraphQLError | null {
  try {
    const fragments = new Map<string, FragmentDefinitionNode>();
    const operations: OperationDefinitionNode[] = [];
    atMost('definitions', 'wide: operations and fragments', definitions.length);
    for (const definition of definitions) {
      if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
      else if (definition.kind !== Kind.FRAGMENT_DEFINITION) {
        throw new Refusal('GRAPHQL_VALIDATION_FAILED', 'A document may contain only operations and fragments');
      } else if (fragments.has(definition.name.value)) {
        const name = definition.name.value;
        throw new Refusal('GRAPHQL_VALIDATION_FAILED', `There can be only one fragment named "${name}".`);
      } else fragments.set(definition.name.value, definition);
    }
    const measure = new Measure(fragments);
    let fields = 0;
    for (const operation of operations) fields += measure.operation(operation).fields;
    const { allFields } = DOCUMENT_LIMITS;
    if (fields > allFields) {
      throw new Refusal('LIMIT_EXCEEDED', `The operations have ${fields} fields together, at most ${allFields}`);
    }
    for (const name of fragments.keys()) measure.fragment(name);
    return null;
  } catch (cause) {
    if (cause instanceof Refusal) return requestFault(cause.code, cause.message);
    throw cause;
  }
}

class Refusal extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

function atMost(limit: keyof typeof DOCUMENT_LIMITS, what: string, actual: number): void {
  const most = DOCUMENT_LIMITS[limit];
  if (actual > most) throw new Refusal('LIMIT_EXCEEDED', `The operation is too ${what} ${actual}, at most ${most}`);
}

function nested(nesting: number): void {
  if (nesting <= DOCUMENT_LIMITS.nesting) return;
  throw new Refusal('LIMIT_EXCEEDED', `The document is nested too deeply: at most ${DOCUMENT_LIMITS.nesting} levels`);
}

interface Size {
  readonly fields: number;
  readonly aliases: number;
  readonly depth: number;
}

const NONE: Size = { fields: 0, aliases: 0, depth: 0 };

/** Sizes with all fragments expanded. */
class Measure {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** A fragment that is being measured counts as empty: it spreads itself, which validation rejects. */
  readonly #known = new Map<string, Size>();

  constructor(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
    this.#fragments = fragments;
  }

  operation({ variableDefinitions = [], directives = [], selectionSet }: OperationDefinitionNode): Size {
    atMost('variables', 'wide: variables', variableDefinitions.length);
    for (const variable of variableDefinitions) {
      measureType(variable.type);
      if (variable.defaultValue !== undefined) measureValue(variable.defaultValue, 0);
      measureDirectives(variable.directives ?? []);
    }
    measureDirectives(directives);
    return this.#selections(selectionSet, 1, 0);
  }

  fragment(name: string): Size {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    this.#known.set(name, NONE);
    const definition = this.#fragments.get(name);
    if (definition === undefined) return NONE;
    measureDirectives(definition.directives ?? []);
    const size = this.#selections(definition.selectionSet, 1, 0);
    this.#known.set(name, size);
    return size;
  }

  /** `depth`: of its fields in their definition; `nesting`: braces since the last field. */
  #selections({ selections }: SelectionSetNode, depth: number, nesting: number): Size {
    nested(nesting);
    let fields = 0;
    let aliases = 0;
    let deepest = 0;
    for (const selection of selections) {
      measureDirectives(selection.directives ?? []);
      // A spread counts, too: there may be any number of fragments that contain only spreads.
      fields += 1;
      let inner = NONE;
      if (selection.kind === Kind.FRAGMENT_SPREAD) inner = this.fragment(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        inner = this.#selections(selection.selectionSet, depth, nesting + 1);
      } else {
        atMost('depth', 'deep', depth);
        measureArguments(selection.arguments ?? []);
        if (selection.alias !== undefined) aliases += 1;
        const below = selection.selectionSet && this.#selections(selection.selectionSet, depth + 1, 0);
        inner = { ...(below ?? NONE), depth: (below?.depth ?? 0) + 1 };
      }
      fields += inner.fields;
      aliases += inner.aliases;
      deepest = Math.max(deepest, inner.depth);
      atMost('fields', 'wide: fields and aliases', fields);
      atMost('aliases', 'wide: aliases', aliases);
    }
    atMost('depth', 'deep', deepest);
    return { fields, aliases, depth: deepest };
  }
}

function measureDirectives(directives: readonly DirectiveNode[]): void {
  atMost('directives', 'wide: directives in one place', directives.length);
  for (const directive of directives) measureArguments(directive.arguments ?? []);
}

function measureArguments(given: readonly ArgumentNode[]): void {
  atMost('arguments', 'wide: arguments of a field', given.length);
  for (const { value } of given) measureValue(value, 0);
}

function measureValue(node: ValueNode, nesting: number): void {
  nested(nesting);
  if (node.kind === Kind.LIST) for (const value of node.values) measureValue(value, nesting + 1);
  else if (node.kind === Kind.OBJECT) for (const { value } of node.fields) measureValue(value, nesting + 1);
}

function measureType(type: TypeNode): void {
  let inner = type;
  for (let nesting = 1; inner.kind !== Kind.NAMED_TYPE; nesting += 1) {
    nested(nesting);
    inner = inner.type;
  }
}
