import type { LoginQuestion } from './dial/question.ts';

export type ConnectionState =
  /** Not started, or stopped. */
  | { readonly status: 'idle' }
  /** An attempt is in progress or imminent. `message`: why the connection before was lost; null: none was. */
  | { readonly status: 'connecting'; readonly message: string | null }
  | { readonly status: 'online'; readonly since: Date }
  /** A fault of the network, a timeout or a protocol error: retried at `retryAt`. */
  | { readonly status: 'unreachable'; readonly message: string; readonly retryAt: Date }
  /** The login waits until `prompt.expiresAt` for a person to `answer`. */
  | { readonly status: 'asking'; readonly message: string; readonly prompt: LoginPrompt }
  /**
   * A fault of the host key, login or configuration: the next attempt needs a person (`connectNow`). `retryAt`: it has
   * worked before without a person, and is retried then; null: it is not retried.
   */
  | { readonly status: 'refused'; readonly message: string; readonly retryAt: Date | null };

export interface LoginPrompt extends LoginQuestion {
  /** New for each prompt; an answer must name it. */
  readonly id: string;
}

/** The outcome of answers. `stale`: the prompt isn't waiting (any more); `miscounted`: too many or too few. */
export type AnswerOutcome = 'taken' | 'stale' | 'miscounted';
