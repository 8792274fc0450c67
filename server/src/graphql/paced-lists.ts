import {
  defaultFieldResolver,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { GraphQLContext } from './context.ts';
import { isPromise } from './promises.ts';

/** Lets the `Work` of an operation count every list, and answer those of objects. */
export function withPacedLists(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      if (!isListType(getNullableType(field.type))) continue;
      const paced = isCompositeType(getNamedType(field.type)) ? pacedObjects : countedLeaves;
      const resolve = field.resolve ?? defaultFieldResolver;
      field.resolve = (source, args, context: GraphQLContext, info) => {
        const list: unknown = resolve(source, args, context, info);
        return isPromise(list) ? list.then((all) => paced(all, context, info)) : paced(list, context, info);
      };
    }
  }
  return schema;
}

function countedLeaves(list: unknown, { work }: GraphQLContext): unknown {
  return Array.isArray(list) ? work.leaves(list) : list;
}

function pacedObjects(list: unknown, { work }: GraphQLContext, { fieldNodes, fragments }: GraphQLResolveInfo): unknown {
  return Array.isArray(list) ? work.entries(list, fieldsOf(fieldNodes, fragments)) : list;
}

type Fragments = Readonly<Record<string, FragmentDefinitionNode | undefined>>;

/** Cached, because a document's lists are read repeatedly. */
const known = new WeakMap<SelectionSetNode, number>();

/** The number of fields selected in each entry, including the entry itself. */
function fieldsOf(fieldNodes: readonly FieldNode[], fragments: Fragments): number {
  return fieldNodes.reduce((sum, { selectionSet }) => sum + (selectionSet ? selected(selectionSet, fragments) : 0), 1);
}

function selected(selectionSet: SelectionSetNode, fragments: Fragments): number {
  const before = known.get(selectionSet);
  if (before !== undefined) return before;
  const count = selectionSet.selections.reduce((sum, part) => {
    if (part.kind === Kind.FIELD) return sum + 1;
    const inner = part.kind === Kind.FRAGMENT_SPREAD ? fragments[part.name.value] : part;
    return sum + (inner === undefined ? 0 : selected(inner.selectionSet, fragments));
  }, 0);
  known.set(selectionSet, count);
  return count;
}
