import { randomUUID } from 'node:crypto';
import type { AnswerOutcome, LoginPrompt } from './connection-state.ts';
import { abortable, type Deadline } from './deadline.ts';
import { refused } from './dial/failure.ts';
import type { LoginQuestion } from './dial/question.ts';

export const LOG_IN_AGAIN =
  'This login asks a person, so nothing more is tried by itself: have the password or the code at hand, then begin a' +
  ' new login, with "Log in" on the page of the clusters or with connectCluster.';

interface Waiting {
  readonly prompt: LoginPrompt;
  readonly answered: PromiseWithResolvers<readonly string[]>;
}

/** A prompt shown to a person. */
interface Asked {
  readonly prompt: LoginPrompt;
  /** For those who wait for the connection. */
  readonly message: string;
  /** Rejects with a DialFailure if nobody answers in time, and with the deadline's reason. */
  readonly answers: Promise<readonly string[]>;
}

/** The login prompt that waits for a person, one at a time. Answers go to the login and nowhere else. */
export class LoginPrompts {
  #waiting: Waiting | undefined;

  /** The deadline of the login is paused until there are answers, then starts again. */
  ask(question: LoginQuestion, deadline: Deadline): Asked {
    const prompt = { ...question, id: randomUUID() };
    const waiting = { prompt, answered: Promise.withResolvers<readonly string[]>() };
    this.#waiting = waiting;
    const { host, expiresAt } = question;
    const message =
      `${host} asks for something that only a person can give, such as a password or a one-time code: an administrator` +
      ` can answer until ${expiresAt.toISOString().slice(11, 19)} UTC, with "Log in" on the page of the clusters`;
    return { prompt, message, answers: answersTo(waiting, deadline) };
  }

  /** One answer for each prompt. */
  answer(promptId: string, answers: readonly string[]): AnswerOutcome {
    const waiting = this.#waiting;
    if (waiting?.prompt.id !== promptId) return 'stale';
    if (waiting.prompt.prompts.length !== answers.length) return 'miscounted';
    this.#waiting = undefined;
    waiting.answered.resolve(answers);
    return 'taken';
  }

  /** The login that asked is over. */
  drop(): void {
    this.#waiting?.answered.reject(new Error('the login ended'));
    this.#waiting = undefined;
  }
}

async function answersTo({ prompt, answered }: Waiting, deadline: Deadline): Promise<readonly string[]> {
  const late = `${prompt.host} wants an answer from a person, and nobody gave one in time. ${LOG_IN_AGAIN}`;
  const leftMs = Math.max(0, prompt.expiresAt.getTime() - Date.now());
  const timer = setTimeout(() => answered.reject(refused(late)), leftMs);
  deadline.suspend();
  try {
    const answers = await abortable(answered.promise, deadline.signal, (reason) => reason);
    deadline.restart();
    return answers;
  } finally {
    clearTimeout(timer);
  }
}
