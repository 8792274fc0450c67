import { z } from 'zod';

/** The parameters of a request, as GraphQL over HTTP has them. */
export const requestSchema = z.object({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
});
