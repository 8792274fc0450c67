import { encodeGlobalID } from '@pothos/plugin-relay';
import { type GraphQLSchema, isObjectType } from 'graphql';

/** As `builder.node` was told. */
interface NodeOptions {
  readonly id?: { readonly resolve?: (node: unknown) => string };
}

/**
 * Has the ids of nodes answered at once. plugin-relay makes each of them a promise, and so each entry of a list that asks
 * for its id, which is nearly every one: what follows from promises is done in no turn of `Work`, and takes longer.
 */
export function withImmediateIds(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || !type.getInterfaces().some(({ name }) => name === 'Node')) continue;
    const { id: options } = type.extensions['pothosOptions'] as NodeOptions;
    const id = type.getFields()['id'];
    const localId = options?.resolve;
    if (id === undefined || localId === undefined) throw new Error(`${type.name}: is a node without an id`);
    id.resolve = (node) => encodeGlobalID(type.name, localId(node));
  }
  return schema;
}
