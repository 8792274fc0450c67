/**
 * Whether the whole of `text` matches `pattern`, where `*` stands for any characters and `?` for exactly one
 * (ssh_config(5), PATTERNS). Everything else is literal and case-sensitive. Takes at most
 * `text.length * pattern.length` steps, whatever the pattern.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let inText = 0;
  let inPattern = 0;
  let afterStar = -1;
  let retryFrom = 0;
  while (inText < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === '*') {
      inPattern += 1;
      afterStar = inPattern;
      retryFrom = inText;
    } else if (wanted === '?' || wanted === text[inText]) {
      inPattern += 1;
      inText += 1;
    } else if (afterStar >= 0) {
      inPattern = afterStar;
      retryFrom += 1;
      inText = retryFrom;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}

/** Whether one of `patterns` matches and none of those that begin with `!` does: a negation wins wherever it stands. */
export function matchesPatternList(text: string, patterns: readonly string[]): boolean {
  let matched = false;
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(text, pattern.slice(1))) return false;
    } else if (matchesPattern(text, pattern)) {
      matched = true;
    }
  }
  return matched;
}
