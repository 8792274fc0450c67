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

/** For the options of an input's field, whose value nobody may read again, in an error least of all. */
export const SECRET = { extensions: { isSecret: true } } as const;
