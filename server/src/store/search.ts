import { type Expression, type ExpressionBuilder, type ReferenceExpression, type SqlBool, sql } from 'kysely';
import { searchWords } from '../domain/job-filter.ts';

/** True where each word of `search` occurs in one of the columns, whatever the case of its letters. */
export function containing<DB, TB extends keyof DB>(
  where: ExpressionBuilder<DB, TB>,
  columns: readonly (ReferenceExpression<DB, TB> & string)[],
  search: string,
): Expression<SqlBool> {
  return where.and(
    searchWords(search).map((word) =>
      where.or(columns.map((column) => contains(sql.ref<string | null>(column), word))),
    ),
  );
}

/** `lower` is the connection's own, which knows all letters. */
export function contains(column: Expression<string | null>, word: string): Expression<SqlBool> {
  return sql<SqlBool>`instr(lower(${column}), ${word}) > 0`;
}

/**
 * One text for all that a search looks through. No word of a search holds white space, so none is found across the
 * lines between two parts; what ends a text for SQLite's functions is replaced, here and in words.
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

/**
 * Jobs are indexed in blocks of so many, by their numbers: a page looks at the youngest blocks first and stops when it
 * is full, and no look at one block takes longer than a few milliseconds. Part of what is stored.
 */
export const JOBS_A_BLOCK = 16_384;

/** Shorter words are in no index. */
const GRAM = 3;
/** All of a word's parts would cost more to look up than they leave out. */
const MAX_GRAMS_SOUGHT = 4;
const MAX_RARE_GRAMS_SOUGHT = 3;

export function blockOf(number: number): number {
  return Math.floor(number / JOBS_A_BLOCK);
}

/** Every three letters that follow one another in a word, each once, marked with the block: what the index holds of a job. */
export function indexedTokens(block: number, text: string): string {
  const tokens = new Set<string>();
  for (const word of spelled(text).split(/\s+/)) {
    for (let end = GRAM; end <= word.length; end += 1) tokens.add(`${block}x${word.slice(end - GRAM, end)}`);
  }
  return [...tokens].join(' ');
}

/** What the index is asked for in one block. It finds every job that has all the words, and may find some that haven't. */
export function tokensQuery(block: number, words: readonly string[]): string {
  const tokens = words.filter(isIndexed).flatMap((word) => {
    const whole = spelled(word);
    const grams = Array.from({ length: whole.length - GRAM + 1 }, (_, start) => whole.slice(start, start + GRAM));
    // Numbers are what tells one job from the next.
    const rare = grams.filter((gram) => /\d.?\d/.test(gram));
    return rare.length === 0 ? spread(grams, MAX_GRAMS_SOUGHT) : spread(rare, MAX_RARE_GRAMS_SOUGHT);
  });
  return [...new Set(tokens)].map((gram) => `"${block}x${gram}"`).join(' AND ');
}

/** At most so many of the values, from the first to the last. */
function spread<T>(values: readonly T[], most: number): readonly T[] {
  if (values.length <= most) return values;
  const chosen = new Set(
    Array.from({ length: most }, (_, index) => Math.round((index * (values.length - 1)) / (most - 1))),
  );
  return values.filter((_, index) => chosen.has(index));
}

export function isIndexed(word: string): boolean {
  return word.length >= GRAM;
}

/** Punctuation would part tokens, so letters that few people write stand for it: what is alike by that is told apart later. */
function spelled(text: string): string {
  return text.replace(/[^0-9a-z\s\u0080-\uffff]/g, (sign) => String.fromCharCode(0x100 + sign.charCodeAt(0)));
}
