import { defaultFieldResolver, type GraphQLError, type GraphQLField, type GraphQLSchema, isObjectType } from 'graphql';
import { may, reserved } from '../domain/policy.ts';
import type { GraphQLContext } from './context.ts';
import { fault } from './faults.ts';
import type { Need } from './marks.ts';

/** What a field needs of those who select it (`needs`); null: nothing but to be let in. */
export function needOf({ extensions }: Pick<GraphQLField<unknown, unknown>, 'extensions'>): Need | null {
  return (extensions as { readonly need?: Need }).need ?? null;
}

/** Has the policy asked for each field that needs a permission, before anything of it is read. */
export function withPermittedFields(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const need = needOf(field);
      if (need === null) continue;
      const { resolve = defaultFieldResolver, subscribe } = field;
      field.resolve = (source, args, context: GraphQLContext, info) => {
        if (may(context.actor, need.permission)) return resolve(source, args, context, info);
        if (need.others === 'NULL') return null;
        throw forbidden(need);
      };
      if (subscribe === undefined) continue;
      field.subscribe = (source, args, context: GraphQLContext, info) => {
        if (!may(context.actor, need.permission)) throw forbidden(need);
        return subscribe(source, args, context, info);
      };
    }
  }
  return schema;
}

function forbidden({ permission }: Need): GraphQLError {
  return fault('FORBIDDEN', reserved(permission));
}
