import type { Permission } from '../domain/policy.ts';

/** What fields of the schema say of themselves to those that check a request. */

export type Arguments = Readonly<Record<string, unknown>>;

/** The cost of a field, in values of an answer. */
export interface Cost {
  /** Of the field itself: 1, or more if it is expensive to find or long. */
  readonly own?: number;
  /** For a list: how often its selection is answered. */
  readonly entries?: number;
  /** How many rows are read for it. */
  readonly rows?: number;
  /** It belongs to a page as a whole, not to each of its entries. */
  readonly isOnce?: boolean;
}

/** Depends on the field's arguments, or is constant. */
export type CostOf<A = Arguments> = Cost | ((args: A) => Cost);

/** For the options of a field of an answer. */
export function costs<A = Arguments>(cost: CostOf<A>): { readonly extensions: { readonly cost: CostOf<A> } } {
  return { extensions: { cost } };
}

/** What a field needs that not every role has. */
export interface Need {
  readonly permission: Permission;
  /** What the others get: an error, with null where the field has that, or null alone. */
  readonly others: 'ERROR' | 'NULL';
}

/** For the options of a field of an answer. */
export function needs(
  permission: Permission,
  others: Need['others'] = 'ERROR',
): { readonly extensions: { readonly need: Need } } {
  return { extensions: { need: { permission, others } } };
}

/** For the options of an input's field, whose value nobody may read again, in an error least of all. */
export const SECRET = { extensions: { isSecret: true } } as const;

/** For the options of an argument or an input's field whose text may be long: what reads it bounds it by itself. */
export const LONG = { extensions: { isLong: true } } as const;

export function isLong({ extensions }: { readonly extensions: object }): boolean {
  return (extensions as { readonly isLong?: boolean }).isLong === true;
}
