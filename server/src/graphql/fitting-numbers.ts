import {
  defaultFieldResolver,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNullableType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { isPromise } from './promises.ts';

/** The largest number of each type, in size. */
const LARGEST: Readonly<Record<string, number>> = {
  Int: 2 ** 31 - 1,
  SafeInt: Number.MAX_SAFE_INTEGER,
  Float: Number.MAX_VALUE,
};

/**
 * Makes every stored number serialisable: one that is too large becomes the largest, and NaN becomes null, or 0 if the
 * field is non-null. Otherwise a single value would make a whole list fail.
 */
export function withFittingNumbers(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      const toFit = fitting(field.type);
      const resolve = field.resolve ?? defaultFieldResolver;
      if (toFit === null) continue;
      field.resolve = (source, args, context, info) => {
        const value: unknown = resolve(source, args, context, info);
        return isPromise(value) ? value.then(toFit) : toFit(value);
      };
    }
  }
  return schema;
}

/** Null: a value of this type is no number. */
function fitting(type: GraphQLOutputType): ((value: unknown) => unknown) | null {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const toFit = fitting(nullable.ofType);
    return toFit && ((list) => (Array.isArray(list) ? list.map(toFit) : list));
  }
  const largest = LARGEST[String(nullable)];
  if (largest === undefined) return null;
  const none = isNonNullType(type) ? 0 : null;
  const isWhole = largest !== Number.MAX_VALUE;
  return (value) => {
    if (value === null || value === undefined) return value;
    const number = Number(value);
    if (Number.isNaN(number)) return none;
    if (Math.abs(number) > largest) return Math.sign(number) * largest;
    return isWhole ? Math.trunc(number) : number;
  };
}
