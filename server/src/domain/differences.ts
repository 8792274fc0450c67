/** A value of a JSON text. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export interface Difference {
  /** Where it is, "resources.gpus". */
  readonly field: string;
  /** One for each object, as text; null: it has none. */
  readonly values: readonly (string | null)[];
}

/** The fields in which objects differ, in the order in which they have them. A list is one value. */
export function differences(objects: readonly { readonly [name: string]: Json }[]): readonly Difference[] {
  const flat = objects.map((object) => new Map(fieldsOf(object, '')));
  const names = new Set(flat.flatMap((fields) => [...fields.keys()]));
  return [...names].flatMap((field) => {
    const values = flat.map((fields) => fields.get(field) ?? null);
    return new Set(values).size === 1 ? [] : [{ field, values }];
  });
}

function* fieldsOf(object: { readonly [name: string]: Json }, before: string): Generator<[string, string | null]> {
  for (const [name, value] of Object.entries(object)) {
    const field = before + name;
    if (isObject(value)) yield* fieldsOf(value, `${field}.`);
    else yield [field, value === null || typeof value === 'string' ? value : JSON.stringify(value)];
  }
}

function isObject(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
