/** `includes` may compare a word again at each position of a text, which is cheap for short words. */
export const SHORT_WORD = 64;

/** As `includes`, in time that is linear in the text and does not depend on the word (Knuth, Morris and Pratt). */
export function holds(text: string, word: string): boolean {
  return finderOf(word)(text);
}

/** The same for many texts: a long word is read once. */
export function finderOf(word: string): (text: string) => boolean {
  if (word.length <= SHORT_WORD) return (text) => text.includes(word);
  const borders = bordersOf(word);
  return (text) => {
    for (let at = 0, length = 0; at < text.length; at += 1) {
      length = grown(word, borders, length, text.charCodeAt(at));
      if (length === word.length) return true;
    }
    return false;
  };
}

/** Of each beginning of a word, how much of its end is a beginning again. */
function bordersOf(word: string): Uint32Array {
  const borders = new Uint32Array(word.length);
  for (let at = 1, length = 0; at < word.length; at += 1) {
    length = grown(word, borders, length, word.charCodeAt(at));
    borders[at] = length;
  }
  return borders;
}

/** How much of the word ends with one more letter. */
function grown(word: string, borders: Uint32Array, matched: number, letter: number): number {
  let length = matched;
  while (length > 0 && word.charCodeAt(length) !== letter) length = borders[length - 1] ?? 0;
  return word.charCodeAt(length) === letter ? length + 1 : length;
}
