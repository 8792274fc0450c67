import {
  defaultFieldResolver,
  type GraphQLError,
  getNamedType,
  isInputObjectType,
  isListType,
  isObjectType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { MAX_ARGUMENT } from './bounded-arguments.ts';
import { schema } from './schema.ts';

const LONG = '0'.repeat(1_000_000);
/** The only ones that may be long: what is beyond their bound is passed over. */
const MAY_BE_LONG = ['filter.search', 'search'];

/** Every text in the arguments of every field, but the inputs of mutations (large-inputs.test.ts), with arguments that have it. */
const cases = Object.values(schema.getTypeMap())
  .filter(isObjectType)
  .flatMap((type) =>
    Object.values(type.getFields()).flatMap((field) =>
      field.args.flatMap(({ name, type: kind }) => {
        const named = getNamedType(kind);
        const inList = (value: unknown) => (isListType(kind) || String(kind).startsWith('[') ? [value] : value);
        if (name === 'input') return [];
        if (named.name === 'String') return [{ type, field, path: name, args: { [name]: inList(LONG) } }];
        if (!isInputObjectType(named)) return [];
        return Object.values(named.getFields()).flatMap((inner) => {
          if (getNamedType(inner.type).name !== 'String') return [];
          const value = String(inner.type).startsWith('[') ? ['short', LONG] : LONG;
          return [{ type, field, path: `${name}.${inner.name}`, args: { [name]: { [inner.name]: value } } }];
        });
      }),
    ),
  )
  .map((one) => ({ ...one, title: `${one.type.name}.${one.field.name}(${one.path})` }));

function errorOf(run: () => unknown): GraphQLError | null {
  try {
    run();
    return null;
  } catch (cause) {
    return cause as GraphQLError;
  }
}

describe('a text of a megabyte in an argument', () => {
  it('is looked for in the whole schema', () => {
    expect(cases.length).toBeGreaterThan(25);
    expect(cases.map(({ title }) => title)).toContain('Query.job(slurmJobId)');
  });

  it.each(cases.filter(({ path }) => !MAY_BE_LONG.includes(path)))(
    'is refused at once: $title',
    ({ field, args, path }) => {
      for (const run of [field.resolve ?? defaultFieldResolver, field.subscribe].filter((one) => one !== undefined)) {
        // Whatever the field would read, it doesn't come to that.
        const error = errorOf(() => run({}, args, {} as never, {} as never));
        expect(error?.extensions).toEqual({ code: 'BAD_USER_INPUT' });
        expect(error?.message).toMatch(
          new RegExp(
            `^${path.replace('.', '\\.')}(?:\\.\\d)? has 1000000 characters: at most ${MAX_ARGUMENT} are allowed$`,
          ),
        );
      }
    },
  );
});
