import { isEnumType, isInputObjectType, isInterfaceType, isIntrospectionType, isObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from './schema.ts';

interface Described {
  readonly description?: string | null | undefined;
}

/** Everything in the schema that a client can name, by its coordinate (GraphQL, "Schema Coordinates"). */
function* coordinates(): Generator<readonly [string, Described]> {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type)) continue;
    yield [type.name, type];
    if (isEnumType(type)) for (const value of type.getValues()) yield [`${type.name}.${value.name}`, value];
    if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) yield [`${type.name}.${field.name}`, field];
    }
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      yield [`${type.name}.${field.name}`, field];
      for (const argument of field.args) yield [`${type.name}.${field.name}(${argument.name}:)`, argument];
    }
  }
  for (const directive of schema.getDirectives()) {
    yield [`@${directive.name}`, directive];
    for (const argument of directive.args) yield [`@${directive.name}(${argument.name}:)`, argument];
  }
}

describe('the schema', () => {
  it('describes every type, field, argument and value', () => {
    const bare = [...coordinates()].filter(([, { description }]) => (description ?? '').trim() === '');
    expect(bare.map(([coordinate]) => coordinate)).toEqual([]);
  });

  it('says what null means, or what is there without it, for each field that may be null', () => {
    const silent: string[] = [];
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) || isIntrospectionType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        const isNullable = !String(field.type).endsWith('!');
        // By reference to another one, or for all of a type at once.
        const isTold = /\bnull\b|^As `/i.test(field.description ?? '') || /\bNull:/.test(type.description ?? '');
        if (isNullable && !isTold) silent.push(`${type.name}.${field.name}`);
      }
    }
    expect(silent).toEqual([]);
  });
});
