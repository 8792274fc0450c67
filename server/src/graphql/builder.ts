import SchemaBuilder from '@pothos/core';
import RelayPlugin from '@pothos/plugin-relay';
import type { GraphQLContext } from './context.ts';
import { costs } from './marks.ts';

export interface SchemaTypes {
  Context: GraphQLContext;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  Connection: { totalCount: () => Promise<number> };
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    SafeInt: { Input: number; Output: number };
    JSONObject: { Input: Record<string, unknown>; Output: Record<string, unknown> };
    ID: { Input: string; Output: string };
  };
}

export const ID_DESCRIPTION = 'Unique among all things on this server, and the same for ever; for `node`.';

export type Builder = ReturnType<typeof createBuilder>;

/** Fields are non-null unless they say otherwise, since every null has a meaning here. */
export function createBuilder() {
  return new SchemaBuilder<SchemaTypes>({
    plugins: [RelayPlugin],
    defaultFieldNullability: false,
    relay: {
      cursorType: 'String',
      edgeCursorType: 'String',
      pageInfoCursorType: 'String',
      // The size of a page is counted where the list is asked for.
      nodesOnConnection: { ...costs({ entries: 1 }), description: 'The entries alone.' },
      cursorFieldOptions: { description: 'The place of this entry, for `after` and `before`.' },
      nodeFieldOptions: { nullable: false, description: 'The entry itself.' },
      edgesFieldOptions: {
        nullable: false,
        ...costs({ entries: 1 }),
        description: 'The entries with their cursors.',
      },
      pageInfoFieldOptions: { description: 'Whether there is more, and where this page begins and ends.' },
      hasNextPageFieldOptions: { description: 'There are entries behind this page.' },
      hasPreviousPageFieldOptions: { description: 'There are entries before this page.' },
      startCursorFieldOptions: { description: 'The cursor of the first entry. Null: the page is empty.' },
      endCursorFieldOptions: { description: 'The cursor of the last entry. Null: the page is empty.' },
      nodeTypeOptions: {
        description: 'Anything with an id by which it can be fetched again (Relay global object identification).',
      },
      pageInfoTypeOptions: { description: 'Where a page lies in its list (Relay cursor connections).' },
      idFieldOptions: { description: ID_DESCRIPTION },
      // nodes.ts has them: an id that is none is no fault there.
      nodeQueryOptions: false,
      nodesQueryOptions: false,
    },
  });
}

export const builder = createBuilder();
builder.queryType({ description: 'Reads. None of them changes anything on a cluster.' });
builder.mutationType({
  description:
    'Writes. A refusal the caller can act on comes back in `userErrors` with a null result, and changed nothing.',
});
builder.subscriptionType({ description: 'Streams, over graphql-transport-ws or server-sent events.' });

builder.globalConnectionField('totalCount', (t) =>
  t.int({
    description: 'How many entries the whole list has. Counted when asked for.',
    ...costs({ own: 20, isOnce: true }),
    resolve: ({ totalCount }) => totalCount(),
  }),
);
