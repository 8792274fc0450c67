export type Key = string | number;

/** The place of a job in a list: its sort key, and its number among equals. */
export interface Place {
  readonly key: Key;
  readonly number: number;
}

/** The jobs between two places, in the direction of reading. Null: from, or to, the end. */
export interface Span {
  readonly from: Place | null;
  readonly to: { readonly place: Place; readonly isIncluded: boolean } | null;
  readonly isDescending: boolean;
}

export const WHOLE: Span = { from: null, to: null, isDescending: true };

export function placeOf({ key, number }: { readonly key: Key; readonly number: number | null }, shift: number): Place {
  return { key: typeof key === 'number' ? key + shift : key, number: Number(number) };
}

export function inOrder(places: readonly Place[], isDescending: boolean): Place[] {
  return places.toSorted(isDescending ? (left, right) => compare(right, left) : compare);
}

export function compare(left: Place, right: Place): number {
  return left.key === right.key ? left.number - right.number : compareKeys(left.key, right.key);
}

/** Compares as the database does: texts by their bytes. */
export function compareKeys(left: Key, right: Key): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)));
}

/** Whether a place comes after the start of a span. */
export function isAhead(place: Place, { from, isDescending }: Span): boolean {
  return from === null || (isDescending ? compare(place, from) < 0 : compare(place, from) > 0);
}

/** A span up to and including a place. */
export function upTo(span: Span, place: Place): Span {
  return { ...span, to: { place, isIncluded: true } };
}

/** The part of a span that can still add to the first `limit` places, of which some are found. */
export function beyond(span: Span, found: readonly Place[], limit: number): Span {
  const last = found[limit - 1];
  return last === undefined ? span : { ...span, to: { place: last, isIncluded: false } };
}

/** The part of a span between two keys, excluding the second; null: unbounded. */
export function between(span: Span, after: number | null, before: number | null): Span {
  // No job has this number, so this place is before all jobs of its instant.
  const edge = (key: number | null) => (key === null ? null : { key, number: -1 });
  const [first, last] = span.isDescending ? [edge(before), edge(after)] : [edge(after), edge(before)];
  return {
    ...span,
    from: first !== null && isAhead(first, span) ? first : span.from,
    to: last === null ? null : { place: last, isIncluded: false },
  };
}
