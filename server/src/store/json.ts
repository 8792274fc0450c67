import type { z } from 'zod';

/**
 * What a column holds as JSON. Null where it is of another shape: what is shown of a row is then not known, and no row
 * keeps a list from being read.
 */
export function readJson<T>(json: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}
