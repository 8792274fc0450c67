export interface UserError {
  readonly message: string;
  /** From the mutation's arguments down: `['input', 'partition']`. */
  readonly path: readonly string[];
}

/** Messages by the form's field; `form` holds those that concern no field of it. */
export type FieldErrors<Field extends string> = Readonly<Partial<Record<Field | 'form', string>>>;

/** Sorts a refusal's messages to the fields of a form, so that none goes unseen. */
export function errorsByField<Field extends string>(
  errors: readonly UserError[],
  fields: readonly Field[],
): FieldErrors<Field> {
  const byField: Partial<Record<Field | 'form', string>> = {};
  for (const { message, path } of errors) {
    const field = fields.find((name) => name === path[1]) ?? 'form';
    const name = path[1] ?? '';
    const text = field === 'form' && !message.startsWith(name) ? `${name}: ${message}` : message;
    byField[field] = byField[field] === undefined ? text : `${byField[field]} ${text}`;
  }
  return byField;
}
