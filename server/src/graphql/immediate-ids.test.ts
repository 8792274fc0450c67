import { type GraphQLResolveInfo, isObjectType } from 'graphql';
import { expect, it } from 'vitest';
import type { GraphQLContext } from './context.ts';
import { readGlobalId } from './ids.ts';
import { schema } from './schema.ts';

const nodes = Object.values(schema.getTypeMap())
  .filter(isObjectType)
  .filter((type) => type.getInterfaces().some(({ name }) => name === 'Node'));

it.each(nodes.map((type) => [type.name, type] as const))(
  'the id of a %s is told without a promise',
  (typename, type) => {
    const node = { id: 'a', name: 'a' };
    const id = type.getFields()['id']?.resolve?.(node, {}, {} as GraphQLContext, {} as GraphQLResolveInfo);
    expect(readGlobalId(String(id))).toEqual({ typename, id: 'a' });
  },
);
