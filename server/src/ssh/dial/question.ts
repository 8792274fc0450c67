import { bounded } from '../../domain/text.ts';

/** What a host asks of a person before it lets the login in. */
export interface LoginQuestion {
  /** `user@host`, with the port where it isn't 22: which machine on the way asks. */
  readonly host: string;
  /** The server's own words, either may be empty (RFC 4256 section 3.2). */
  readonly name: string;
  readonly instruction: string;
  readonly prompts: readonly LoginPromptLine[];
  /** The answers to the question before this one were wrong. */
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
 * Resolves to one answer a prompt, in their order. Rejects with a DialFailure when nobody gives them.
 * Nothing of the answers may be kept.
 */
export type AskPerson = (question: LoginQuestion) => Promise<readonly string[]>;

const MOST_PROMPTS = 16;
const LONGEST_TEXT = 2_000;

/** Whether a host that asks so many things at once is to be taken seriously. */
export function isTooMuch(prompts: readonly unknown[]): boolean {
  return prompts.length > MOST_PROMPTS;
}

/** A server's words, fit to be shown: without control characters (RFC 4256 section 3.3) but line breaks and tabs. */
export function presentable(text: string): string {
  const plain = text.replaceAll('\r\n', '\n').replaceAll(/[^\P{C}\n\t]/gu, '');
  return bounded(plain.trim(), LONGEST_TEXT);
}
