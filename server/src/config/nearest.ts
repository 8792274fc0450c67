import { closest, distance } from 'fastest-levenshtein';

/** The candidate that a mistyped word means: at most a third of its letters, rounded up, differ. Null: none. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const best = closest(word, candidates);
  return distance(word, best) <= Math.ceil(word.length / 3) ? best : null;
}
