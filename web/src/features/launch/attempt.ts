import { randomKey } from '../../lib/random-key.ts';

/**
 * The idempotency key of what is being sent. The same content keeps its key until its fate is known, so a second
 * click, or a new try after a lost answer, makes no second job.
 */
export class Attempt {
  #content: string | null = null;
  #key = '';

  keyFor(content: unknown): string {
    const text = JSON.stringify(content);
    if (text !== this.#content) {
      this.#content = text;
      this.#key = randomKey();
    }
    return this.#key;
  }

  /** The server has answered: what is sent from now on is another attempt. */
  settle(): void {
    this.#content = null;
  }
}
