import type { LoginQuestion } from './dial/question.ts';

export type ConnectionState =
  /** Not started, or stopped. */
  | { readonly status: 'idle' }
  /** An attempt is under way, or begins within seconds. `message`: what became of the connection before; null: nothing. */
  | { readonly status: 'connecting'; readonly message: string | null }
  | { readonly status: 'online'; readonly since: Date }
  /** Network, timeout or protocol: tried again by itself at `retryAt`. */
  | { readonly status: 'unreachable'; readonly message: string; readonly retryAt: Date }
  /** The login waits for answers of a person (`answer`), until `prompt.expiresAt`. */
  | { readonly status: 'asking'; readonly message: string; readonly prompt: LoginPrompt }
  /**
   * Host key, login or configuration: a person is needed, who asks for the next attempt with `connectNow`. `retryAt`: it
   * worked before without anybody, and is tried again by itself then; null: it isn't.
   */
  | { readonly status: 'refused'; readonly message: string; readonly retryAt: Date | null };

export interface LoginPrompt extends LoginQuestion {
  /** New for each question; an answer has to name it. */
  readonly id: string;
}

/** What became of answers: `stale`, the question isn't waiting (any more); `miscounted`, there have to be as many as prompts. */
export type AnswerOutcome = 'taken' | 'stale' | 'miscounted';
