import SchemaBuilder from '@pothos/core';
import RelayPlugin from '@pothos/plugin-relay';
import type { GraphQLContext } from './context.ts';
import { costs } from './marks.ts';

interface SchemaTypes {
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

export const ID_DESCRIPTION = 'Unique among all objects on this server, and permanent. For use with `node`.';

/** Fields are non-null unless they say otherwise, since every null has a meaning here. */
export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [RelayPlugin],
  defaultFieldNullability: false,
  relay: {
    cursorType: 'String',
    edgeCursorType: 'String',
    pageInfoCursorType: 'String',
    // The page size is counted at the list's field.
    nodesOnConnection: { ...costs({ entries: 1 }), description: 'The entries without their cursors.' },
    cursorFieldOptions: { description: 'The position of this entry, for `after` and `before`.' },
    nodeFieldOptions: { nullable: false, description: 'The entry itself.' },
    edgesFieldOptions: {
      nullable: false,
      ...costs({ entries: 1 }),
      description: 'The entries with their cursors.',
    },
    pageInfoFieldOptions: { description: 'Whether there are more entries, and where this page begins and ends.' },
    hasNextPageFieldOptions: { description: 'There are entries after this page.' },
    hasPreviousPageFieldOptions: { description: 'There are entries before this page.' },
    startCursorFieldOptions: { description: 'The cursor of the first entry. Null: the page is empty.' },
    endCursorFieldOptions: { description: 'The cursor of the last entry. Null: the page is empty.' },
    nodeTypeOptions: {
      description: 'An object that can be fetched by its id (Relay global object identification).',
    },
    pageInfoTypeOptions: { description: 'The position of a page in its list (Relay cursor connections).' },
    idFieldOptions: { description: ID_DESCRIPTION },
    // nodes.ts defines them: there, an invalid id is no error.
    nodeQueryOptions: false,
    nodesQueryOptions: false,
  },
});
builder.queryType({ description: 'Reads. None of them changes anything on a cluster.' });
builder.mutationType({
  description:
    'Writes. A refusal that the caller can act on is returned in `userErrors`, with a null result; nothing was changed.',
});
builder.subscriptionType({ description: 'Streams, over graphql-transport-ws or server-sent events.' });

builder.globalConnectionField('totalCount', (t) =>
  t.int({
    description: 'Number of entries in the whole list. Counted only if this field is requested.',
    ...costs({ own: 20, isOnce: true }),
    resolve: ({ totalCount }) => totalCount(),
  }),
);
