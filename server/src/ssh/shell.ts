/** A word that a POSIX shell takes as it is. Throws on NUL, which no word can hold. */
export function quote(word: string): string {
  if (word.includes('\0')) throw new TypeError('A shell word cannot hold a NUL character');
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
