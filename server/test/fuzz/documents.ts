import fc from 'fast-check';
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedInputType,
  type GraphQLNamedOutputType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

// Operations that a schema has a place for, and some that it nearly has.

/** As a client sends one. */
export interface Operation {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A value that can be written in a document and, but for `raw`, sent in a variable. */
type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly word: string }
  | { readonly raw: string }
  | { readonly fields: readonly (readonly [string, Value])[] };

interface Argument {
  readonly name: string;
  readonly type: string;
  readonly value: Value;
  readonly isVariable: boolean;
}

type Selection =
  | {
      readonly name: string;
      readonly hasAlias: boolean;
      readonly directive: string;
      readonly args: readonly Argument[];
      readonly selections: readonly Selection[];
    }
  | { readonly on: string; readonly isNamed: boolean; readonly selections: readonly Selection[] };

const ODD: readonly Value[] = [
  ...[null, true, -1, 1.5, 2 ** 31, '', 'x'.repeat(5000), '\0', '\ud800', [], [[[]]], { fields: [] }],
  ...[{ word: 'NOT_ONE' }, { raw: '1e999' }, { raw: '9'.repeat(40) }, { raw: '"""a\n"""' }, { raw: '$none' }],
];
const SCALARS: Readonly<Record<string, readonly Value[]>> = {
  Int: [0, 1, 2, 5, 50, 500, -1, 2 ** 31 - 1, -(2 ** 31)],
  Float: [0, 1.5, -1],
  Boolean: [true, false],
  SafeInt: [0, 1, 1024, -1, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  DateTime: [
    ...['2026-01-31T12:00:00Z', '2026-02-30T12:00:00Z', '9999-12-31T23:59:59.999Z', '0000-01-01T00:00:00Z'],
    ...['2026-01-31T12:00:00+99:99', '+275760-09-13T00:00:00Z', '1970-01-01T00:00:00.0000000001Z'],
  ],
  JSONObject: [{ fields: [['a', 1]] }],
};
/** So long a request would take, where it is told to: they are always given, and short. */
const SECONDS = new Set(['waitSeconds', 'waitUntilOverSeconds']);
const short = fc.constantFrom<Value>(0, 0, 0, -1, 301, 2 ** 31 - 1);
const odd = fc.constantFrom(...ODD);
const directive = fc.oneof(
  { weight: 200, arbitrary: fc.constant('') },
  { weight: 20, arbitrary: fc.constantFrom(' @include(if: true)', ' @skip(if: true)', ' @include(if: false)') },
  { weight: 1, arbitrary: fc.constantFrom(' @skip', ' @defer', ' @none(a: 1)', ' @skip(if: 1) @skip(if: 2)') },
);

/** Operations on everything that a schema has. `words`: what identifiers, cursors and names there are, or nearly. */
export function operationsOf(schema: GraphQLSchema, words: readonly string[]): fc.Arbitrary<Operation> {
  const types = Object.values(schema.getTypeMap());
  const text = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...words) },
    fc.string({ unit: 'binary', maxLength: 20 }),
  );

  function named(type: GraphQLNamedInputType): fc.Arbitrary<Value> {
    if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(({ name: word }) => ({ word })));
    if (!isInputObjectType(type)) {
      const values = SCALARS[type.name];
      return values === undefined ? text : fc.constantFrom(...values);
    }
    const fields = Object.values(type.getFields()).map((field) => given(field, isRequiredInputField(field)));
    return fc.tuple(...fields).map((all) => ({ fields: all.filter((field) => field !== null) }));
  }

  /** A field or an argument with its value; mostly null, none, where it may be left out. */
  function given(
    { name, type }: GraphQLInputField | GraphQLArgument,
    isRequired: boolean,
  ): fc.Arbitrary<readonly [string, Value] | null> {
    const there = (SECONDS.has(name) ? short : typed(type)).map((value): [string, Value] => [name, value]);
    const isGiven = isRequired || SECONDS.has(name);
    const [none, some] = isGiven ? [1, 40] : [4, 1];
    return fc.oneof({ weight: none, arbitrary: fc.constant(null) }, { weight: some, arbitrary: there });
  }

  function typed(type: GraphQLInputType): fc.Arbitrary<Value> {
    if (isNonNullType(type)) return typed(type.ofType);
    const right: fc.Arbitrary<Value> = isListType(type) ? fc.array(typed(type.ofType), { maxLength: 3 }) : named(type);
    return fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: odd });
  }

  function argsOf(field: GraphQLField<unknown, unknown>): fc.Arbitrary<readonly Argument[]> {
    const all = field.args.map((argument) =>
      fc
        .tuple(given(argument, isRequiredArgument(argument)), fc.boolean())
        .map(([one, isVariable]): Argument | null =>
          one === null ? null : { name: one[0], type: String(argument.type), value: one[1], isVariable },
        ),
    );
    return fc.tuple(...all).map((args) => args.filter((argument) => argument !== null));
  }

  const composite = types.filter((type) => isCompositeType(type));
  const leaf: fc.Arbitrary<Selection> = fc.constant({
    ...{ name: '__typename', hasAlias: false, directive: '', args: [], selections: [] },
  });
  const { ...selectionsOf } = fc.letrec<Record<string, readonly Selection[]>>((tie) => {
    const fieldOf = (field: GraphQLField<unknown, unknown>): fc.Arbitrary<Selection> => {
      const type: GraphQLNamedOutputType = getNamedType(field.type);
      return fc.record({
        name: fc.constant(field.name),
        hasAlias: fc.boolean(),
        directive,
        args: argsOf(field),
        selections: isCompositeType(type) ? tie(type.name) : fc.constant([]),
      });
    };
    const listOf = (type: (typeof composite)[number]) => {
      const fields = 'getFields' in type ? Object.values(type.getFields()) : [];
      const [inner, leaves] = [true, false].map((isInner) =>
        fields.filter((field) => isCompositeType(getNamedType(field.type)) === isInner).map(fieldOf),
      );
      const narrower = isAbstractType(type) ? schema.getPossibleTypes(type) : [type];
      const fragment: fc.Arbitrary<Selection> = fc
        .constantFrom(...narrower.map(({ name }) => name))
        .chain((on) => fc.record({ on: fc.constant(on), isNamed: fc.boolean(), selections: tie(on) }));
      const one = fc.oneof(
        { maxDepth: 5, depthIdentifier: 'selections' },
        { weight: 6, arbitrary: leaves === undefined || leaves.length === 0 ? leaf : fc.oneof(leaf, ...leaves) },
        { weight: 6, arbitrary: inner === undefined || inner.length === 0 ? leaf : fc.oneof(...inner) },
        { weight: 2, arbitrary: fragment },
      );
      return fc.array(one, { minLength: 1, maxLength: 4, depthIdentifier: 'selections' });
    };
    return Object.fromEntries(composite.map((type) => [type.name, listOf(type)]));
  });

  const rootOf = (kind: string, name: string | undefined) => {
    const selections = name === undefined ? undefined : selectionsOf[name];
    return selections === undefined
      ? []
      : [selections.map((root) => written(kind, kind === 'subscription' ? oneOf(root) : root))];
  };
  return fc.oneof(
    ...rootOf('query', schema.getQueryType()?.name).map((arbitrary) => ({ weight: 6, arbitrary })),
    ...rootOf('mutation', schema.getMutationType()?.name).map((arbitrary) => ({ weight: 3, arbitrary })),
    ...rootOf('subscription', schema.getSubscriptionType()?.name).map((arbitrary) => ({ weight: 1, arbitrary })),
  );
}

/** The one field that a subscription may have. */
function oneOf(root: readonly Selection[]): readonly Selection[] {
  const field = root.find((one) => 'name' in one && one.name !== '__typename');
  return field === undefined ? root : [{ ...field, directive: '' }];
}

/** An operation as text, with what of it goes in variables. */
function written(kind: string, root: readonly Selection[]): Operation {
  const definitions: string[] = [];
  const variables: Record<string, unknown> = {};
  const fragments: string[] = [];
  let aliases = 0;

  const argument = ({ name, type, value, isVariable }: Argument): string => {
    if (!isVariable || hasRaw(value)) return `${name}: ${literal(value)}`;
    const variable = `v${definitions.length}`;
    definitions.push(`$${variable}: ${type}`);
    variables[variable] = json(value);
    return `${name}: $${variable}`;
  };
  const selection = (one: Selection): string => {
    if ('on' in one) {
      const body = `on ${one.on} ${selections(one.selections)}`;
      if (!one.isNamed) return `... ${body}`;
      const name = `F${fragments.length}`;
      fragments.push('');
      fragments[Number(name.slice(1))] = `fragment ${name} ${body}`;
      return `...${name}`;
    }
    const { name, hasAlias, directive, args, selections: inner } = one;
    aliases += hasAlias ? 1 : 0;
    const given = args.length === 0 ? '' : `(${args.map(argument).join(', ')})`;
    return `${hasAlias ? `a${aliases}: ` : ''}${name}${given}${directive}${inner.length === 0 ? '' : ` ${selections(inner)}`}`;
  };
  const selections = (all: readonly Selection[]): string => `{ ${all.map(selection).join(' ')} }`;

  const body = selections(root);
  const head = definitions.length === 0 ? kind : `${kind} (${definitions.join(', ')})`;
  return { query: [`${head} ${body}`, ...fragments].join('\n'), variables };
}

function literal(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if ('word' in value) return value.word;
  if ('raw' in value) return value.raw;
  if ('fields' in value) return `{ ${value.fields.map(([name, inner]) => `${name}: ${literal(inner)}`).join(', ')} }`;
  return '';
}

function json(value: Value): unknown {
  if (Array.isArray(value)) return value.map(json);
  if (typeof value !== 'object' || value === null) return value;
  if ('word' in value) return value.word;
  if ('fields' in value) return Object.fromEntries(value.fields.map(([name, inner]) => [name, json(inner)]));
  return null;
}

function hasRaw(value: Value): boolean {
  if (Array.isArray(value)) return value.some(hasRaw);
  if (typeof value !== 'object' || value === null) return false;
  return 'raw' in value || ('fields' in value && value.fields.some(([, inner]) => hasRaw(inner)));
}
