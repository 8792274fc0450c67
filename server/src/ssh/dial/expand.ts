import { refused } from './failure.ts';

/** What the `%` tokens of an OpenSSH configuration stand for; which of them a setting may use is up to the caller. */
export type Tokens = Readonly<Record<string, string>>;

/**
 * Replaces `%x` by its value and `%%` by `%` (ssh_config(5), TOKENS).
 *
 * @param origin where the text stands, for the message
 * @throws DialFailure refused, for a token that isn't among `tokens`
 */
export function expandTokens(text: string, tokens: Tokens, origin: string): string {
  return text.replace(/%(.?)/g, (token: string, letter: string) => {
    if (letter === '%') return '%';
    const value = tokens[letter];
    if (value === undefined) throw refused(`${origin}: ${token} in ${text} isn't supported`);
    return value;
  });
}

/**
 * Expands a leading `~/` or `${HOME}/`, then the tokens. Other variables of the environment aren't supported.
 *
 * @throws DialFailure refused, for what isn't supported
 */
export function expandPath(text: string, homeDirectory: string, tokens: Tokens, origin: string): string {
  const path = text.replace(/^(~|\$\{HOME\})(?=\/|$)/, () => homeDirectory);
  if (path.includes('${')) throw refused(`${origin}: the variable in ${text} isn't supported, write the path out`);
  return expandTokens(path, tokens, origin);
}
