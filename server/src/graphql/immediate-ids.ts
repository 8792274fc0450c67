import { encodeGlobalID } from '@pothos/plugin-relay';
import { type GraphQLSchema, isObjectType } from 'graphql';

/** As given to `builder.node`. */
interface NodeOptions {
  readonly id?: { readonly resolve?: (node: unknown) => string };
}

/**
 * Resolves the ids of nodes synchronously. plugin-relay makes each of them a promise, and so nearly every entry of a
 * list: promises are resolved outside the turns of `Work`, and take longer.
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
