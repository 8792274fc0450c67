import {
  defaultFieldResolver,
  type GraphQLInputType,
  type GraphQLSchema,
  getNullableType,
  isInputObjectType,
  isListType,
  isObjectType,
} from 'graphql';
import { fault } from './faults.ts';
import { type Arguments, isLong } from './marks.ts';

/**
 * Of a text that names or places something, in UTF-16 units: a name, a number of Slurm, a cursor. None is as long: a cursor
 * has a name of up to 200 units, as base64 of UTF-8.
 */
export const MAX_ARGUMENT = 2000;

/** Throws BAD_USER_INPUT for a value in which a text is too long. */
type Check = (value: unknown, name: string) => void;

/**
 * Has the texts in the arguments of each field measured before anything is done with them, but for those that may be long
 * (`LONG`). The inputs of mutations are measured by their actions, which know what each of them is for.
 */
export function withBoundedArguments(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const checks = field.args.flatMap((argument): [string, Check][] => {
        const isInput = type === schema.getMutationType() && argument.name === 'input';
        const check = isInput || isLong(argument) ? null : checkOf(argument.type);
        return check === null ? [] : [[argument.name, check]];
      });
      if (checks.length === 0) continue;
      const measure = (args: Arguments) => {
        for (const [name, check] of checks) check(args[name], name);
      };
      const { resolve = defaultFieldResolver, subscribe } = field;
      field.resolve = (source, args, context, info) => {
        measure(args);
        return resolve(source, args, context, info);
      };
      if (subscribe === undefined) continue;
      field.subscribe = (source, args, context, info) => {
        measure(args);
        return subscribe(source, args, context, info);
      };
    }
  }
  return schema;
}

/** Null: there is no text in it that may be too long. */
function checkOf(type: GraphQLInputType): Check | null {
  const kind = getNullableType(type);
  if (isListType(kind)) {
    const check = checkOf(kind.ofType);
    if (check === null) return null;
    return (list, name) => {
      if (Array.isArray(list)) for (const [index, value] of list.entries()) check(value, `${name}.${index}`);
    };
  }
  if (isInputObjectType(kind)) {
    const checks = Object.values(kind.getFields()).flatMap((field): [string, Check][] => {
      const check = isLong(field) ? null : checkOf(field.type);
      return check === null ? [] : [[field.name, check]];
    });
    if (checks.length === 0) return null;
    return (value, name) => {
      if (typeof value !== 'object' || value === null) return;
      const fields = value as Arguments;
      for (const [field, check] of checks) check(fields[field], `${name}.${field}`);
    };
  }
  // Ids are measured where they are read: one that is too long is that of nothing.
  if (kind.name !== 'String') return null;
  return (value, name) => {
    if (typeof value !== 'string' || value.length <= MAX_ARGUMENT) return;
    throw fault('BAD_USER_INPUT', `${name} has ${value.length} characters: at most ${MAX_ARGUMENT} are allowed`);
  };
}
