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
