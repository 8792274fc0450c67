import type { z } from 'zod';

/**
 * The JSON value of a column. Null if it has another shape: then the value is not known, so that no row keeps a list
 * from being read.
 */
export function readJson<T>(json: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}
