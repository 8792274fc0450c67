import { bounded } from '../../domain/text.ts';

/** What a host asks a person during the login. */
export interface LoginQuestion {
  /** The machine that asks: `user@host`, with the port if it isn't 22. */
  readonly host: string;
  /** The server's own words, either may be empty (RFC 4256 section 3.2). */
  readonly name: string;
  readonly instruction: string;
  readonly prompts: readonly LoginPromptLine[];
  /** The answers before were wrong. */
  readonly isRepeated: boolean;
  /** The server is likely to end the login soon after. */
  readonly expiresAt: Date;
}

export interface LoginPromptLine {
  readonly text: string;
  /** The answer must not be shown while it is typed. */
  readonly isSecret: boolean;
}

/**
 * Resolves to one answer for each prompt, in their order. Rejects with a DialFailure if nobody answers.
 * Answers must not be stored.
 */
export type AskPerson = (question: LoginQuestion) => Promise<readonly string[]>;

const MOST_PROMPTS = 16;
const LONGEST_TEXT = 2_000;

/** Whether a host may ask so many things at once. */
export function isTooMuch(prompts: readonly unknown[]): boolean {
  return prompts.length > MOST_PROMPTS;
}

/** A server's text made safe to show: no control characters (RFC 4256 section 3.3) but line breaks and tabs. */
export function presentable(text: string): string {
  const plain = text.replaceAll('\r\n', '\n').replaceAll(/[^\P{C}\n\t]/gu, '');
  return bounded(plain.trim(), LONGEST_TEXT);
}
