import { resolveNodes } from '@pothos/plugin-relay';
import { type GraphQLResolveInfo, isObjectType } from 'graphql';
import { builder } from './builder.ts';
import type { GraphQLContext } from './context.ts';
import { readGlobalId } from './ids.ts';
import { costs } from './marks.ts';

const NodeRef = builder.nodeInterfaceRef();

builder.queryField('node', (t) =>
  t.field({
    type: NodeRef,
    nullable: true,
    description: 'The object with this id. Null: there is none (any more), or the id is not valid.',
    args: { id: t.arg.id({ required: true, description: 'The `id` of any object.' }) },
    resolve: async (_root, { id }, context, info) => (await read([id], context, info))[0] ?? null,
  }),
);

builder.queryField('nodes', (t) =>
  t.field({
    type: [NodeRef],
    nullable: { list: false, items: true },
    description: 'The objects with these ids, in the order of the ids; null where there is none.',
    args: { ids: t.arg.idList({ required: true, description: 'The `id` of any object.' }) },
    ...costs(({ ids }: { readonly ids: readonly string[] }) => ({ entries: ids.length, rows: ids.length })),
    resolve: (_root, { ids }, context, info) => read(ids, context, info),
  }),
);

/** The object behind a node, with the name of its type. */
type AnyNode = typeof NodeRef.$inferType;

async function read(
  ids: readonly string[],
  context: GraphQLContext,
  info: GraphQLResolveInfo,
): Promise<(AnyNode | null)[]> {
  const nodes = await resolveNodes(
    builder,
    context,
    info,
    ids.map((id) => decoded(id, info)),
  );
  return Promise.all(nodes) as Promise<(AnyNode | null)[]>;
}

/** Null for an id of nothing that can be read. */
function decoded(globalId: string, { schema }: GraphQLResolveInfo): { typename: string; id: string } | null {
  const read = readGlobalId(globalId);
  const type = read === null ? undefined : schema.getType(read.typename);
  return isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node') ? read : null;
}
