import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** What a request asks for, by the names of its input; what it leaves out is null, empty or false. */
export type RequestFields = Readonly<Record<string, unknown>>;

const digestSchema = z.object({ key: z.string(), fields: z.record(z.string(), z.string()) });

/**
 * Compares a later request with the same idempotency key with this one, field by field. It contains no values: each is
 * a digest under a key of this request's own, so equal values of two requests are not visible either.
 */
export function digestRequest(fields: RequestFields): string {
  const key = randomBytes(16).toString('base64url');
  return JSON.stringify({ key, fields: digests(fields, key) });
}

/** The fields in which a request differs from the one that has this digest, by name. */
export function differingFields(digest: string, fields: RequestFields): string[] {
  const earlier = digestSchema.parse(JSON.parse(digest));
  const later = digests(fields, earlier.key);
  const names = [...new Set([...Object.keys(fields), ...Object.keys(earlier.fields)])];
  return names.filter((name) => earlier.fields[name] !== later[name]);
}

/** An omitted field has no digest, so requests from before the field existed equal those without it. */
function digests(fields: RequestFields, key: string): Record<string, string> {
  const told = Object.entries(fields).filter(([, value]) => !isLeftOut(value));
  return Object.fromEntries(
    told.map(([name, value]) => [
      name,
      createHmac('sha256', key).update(canonical(value)).digest('base64url').slice(0, 22),
    ]),
  );
}

function isLeftOut(value: unknown): boolean {
  return value === null || value === undefined || value === false || (Array.isArray(value) && value.length === 0);
}

/** The same text for the same value, whatever the order of its objects' keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    const entries = Object.entries(part).filter(([, inner]) => !isLeftOut(inner));
    return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}
