/** A value of a JSON text. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export interface Difference {
  /** Where it is, "resources.gpus". */
  readonly field: string;
  /** One for each object, as text; null: it has none. */
  readonly values: readonly (string | null)[];
}

/** The fields of an object as text, by where they are; null: it says that there is none. */
export type Fields = ReadonlyMap<string, string | null>;

/** In the order in which the object has them. A list is one field. */
export function fieldsOf(object: { readonly [name: string]: Json }): Fields {
  return new Map(entriesOf(object, ''));
}

/** The fields in which objects differ, in the order in which they have them. */
export function differences(objects: readonly Fields[]): readonly Difference[] {
  const names = new Set(objects.flatMap((fields) => [...fields.keys()]));
  return [...names].flatMap((field) => {
    const values = objects.map((fields) => fields.get(field) ?? null);
    return values.every((value) => value === values[0]) ? [] : [{ field, values }];
  });
}

function* entriesOf(object: { readonly [name: string]: Json }, before: string): Generator<[string, string | null]> {
  for (const [name, value] of Object.entries(object)) {
    const field = before + name;
    if (isObject(value)) yield* entriesOf(value, `${field}.`);
    else yield [field, value === null || typeof value === 'string' ? value : JSON.stringify(value)];
  }
}

function isObject(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
