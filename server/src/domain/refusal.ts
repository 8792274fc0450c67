export const REFUSAL_CODES = [
  'INVALID_INPUT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'FORBIDDEN',
  'NOT_A_GIT_REPOSITORY',
  'UNKNOWN_REF',
  'CLUSTER_UNAVAILABLE',
  'PARTITION_NOT_ALLOWED',
  'GPU_TYPE_NOT_ALLOWED',
  'SLURM_REJECTED',
  'NOT_CANCELLABLE',
  'WRONG_STATE',
  'RATE_LIMITED',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Something the caller asked for that can't be done, and can act on: a value, never thrown. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  /** Where the cause stands in the request, `['input', 'partition']`. */
  readonly path: readonly string[];
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

/** A refusal of one field of the input, or of one at a path in it; no field means the input as a whole. */
export function refuse(code: RefusalCode, field: string | readonly string[] | null, message: string): Outcome<never> {
  return { ok: false, refusals: [refusal(code, field, message)] };
}

export function refusal(code: RefusalCode, field: string | readonly string[] | null, message: string): Refusal {
  return { code, message, path: ['input'].concat(field ?? []) };
}
