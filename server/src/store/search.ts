import { searchWords } from '../domain/job-filter.ts';

/**
 * Bytes of text that one statement searches, counted once for each word. SQLite compares a word at each position as far
 * as it matches: in this much text, that takes up to 15 ms for the longest words in the worst texts.
 */
export const COMPARED_AT_ONCE = 1024 ** 2;

/**
 * The text that a search reads. Words contain no white space, so none matches across two lines; a NUL, which ends a
 * text for the database, is replaced, here and in words.
 */
export function searchText(parts: readonly (string | null)[]): string {
  return withoutNul(parts.map((part) => part?.toLowerCase() ?? '').join('\n'));
}

/** The words of a search as they occur in `searchText`. */
export function wordsOf(search: string | null): string[] {
  return search === null ? [] : searchWords(search).map(withoutNul);
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}
