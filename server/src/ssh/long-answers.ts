import { Gate } from './gate.ts';

/** Answers that are long are held whole, and read: one at a time. */
const MOST_LONG_ANSWERS = 1;
const LONGEST_LINE = 256;
/**
 * Of the connections of a server: the answer of one that takes longer is on its way beside the next one's, so that a slow or
 * hostile cluster keeps nobody else's from coming within its deadline.
 */
const LONGEST_TURN_MS = 10_000;
/** On one connection: whoever reads an answer for longer has hung. Longer than any command for a long answer may take. */
export const LONGEST_OWN_TURN_MS = 120_000;

/**
 * Turns of long answers, first come, first served. A turn lasts until whoever asked has read the answer, and has a deadline:
 * nobody who holds one waits for another of the same kind.
 */
export class LongAnswers {
  readonly #gate = new Gate(MOST_LONG_ANSWERS, LONGEST_LINE);
  readonly #longestMs: number;

  constructor(longestMs = LONGEST_TURN_MS) {
    this.#longestMs = longestMs;
  }

  /**
   * Resolves once it is this one's turn, which ends when `until` aborts, or with its deadline. Throws SshUnavailable if `over`
   * aborts before.
   */
  async take(over: AbortSignal, until: AbortSignal): Promise<void> {
    await this.#gate.enter(over);
    if (until.aborted) {
      this.#gate.leave();
      return;
    }
    const ended = new AbortController();
    const end = () => {
      if (ended.signal.aborted) return;
      ended.abort();
      clearTimeout(timer);
      this.#gate.leave();
    };
    const timer = setTimeout(end, this.#longestMs).unref();
    until.addEventListener('abort', end, { once: true, signal: ended.signal });
  }
}
