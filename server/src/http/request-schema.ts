import { z } from 'zod';

/** The parameters of a request, as GraphQL over HTTP has them. */
export const requestSchema = z.object({
  query: z.string(),
  operationName: z.string().nullish(),
  // Not a record, each of whose keys would be looked at: limits.ts counts the values.
  variables: z.custom<Readonly<Record<string, unknown>>>(isObject).nullish(),
});

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
