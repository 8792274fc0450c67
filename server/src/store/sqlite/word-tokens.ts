/**
 * The size of a block of jobs in the index, by number: a page reads the newest blocks first and stops when it is full,
 * and reading a block takes at most a few milliseconds. Part of the stored format.
 */
export const JOBS_A_BLOCK = 16_384;

/** Shorter words are not indexed. */
const GRAM = 3;
/** Looking up more parts of a word would cost more than they exclude. */
const MAX_GRAMS_SOUGHT = 4;
const MAX_RARE_GRAMS_SOUGHT = 3;

export function blockOf(number: number): number {
  return Math.floor(number / JOBS_A_BLOCK);
}

/** The index entries of a job: every three consecutive letters of its words, each once, marked with the block. */
export function indexedTokens(block: number, text: string): string {
  const tokens = new Set<string>();
  for (const word of spelled(text).split(/\s+/)) {
    for (let end = GRAM; end <= word.length; end += 1) tokens.add(`${block}x${word.slice(end - GRAM, end)}`);
  }
  return [...tokens].join(' ');
}

/** The query of one block. It finds every job with all words, and possibly some without. */
export function tokensQuery(block: number, words: readonly string[]): string {
  const tokens = words.filter(isIndexed).flatMap((word) => {
    const whole = spelled(word);
    const grams = Array.from({ length: whole.length - GRAM + 1 }, (_, start) => whole.slice(start, start + GRAM));
    // Digits distinguish one job from the next.
    const rare = grams.filter((gram) => /\d.?\d/.test(gram));
    return rare.length === 0 ? spread(grams, MAX_GRAMS_SOUGHT) : spread(rare, MAX_RARE_GRAMS_SOUGHT);
  });
  return [...new Set(tokens)].map((gram) => `"${block}x${gram}"`).join(' AND ');
}

/** At most this many of the values, spread from the first to the last. */
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

/** Punctuation would split tokens, so rare letters replace it: false matches are filtered out later. */
function spelled(text: string): string {
  return text.replace(/[^0-9a-z\s\u0080-\uffff]/g, (sign) => String.fromCharCode(0x100 + sign.charCodeAt(0)));
}
