import { FileFault } from './regular-file.ts';

const PATIENCE_MS = 5000;
/** A timer that is later than this was held up by this process. */
const MOST_DELAY_MS = 500;

interface Question {
  begin(): void;
  /** Whoever asked has been told that there is no answer. */
  isLate: boolean;
}

/**
 * Asks a disk of this machine, which may hang: a network disk whose server is away keeps each question, and with it one
 * of the few threads that the process has for all its files and names, until it is back. So only some are asked at the
 * same time, and nobody waits for longer than the deadline.
 */
export class LocalDisk {
  readonly #together: number;
  readonly #patienceMs: number;
  readonly #asked = new Set<Question>();
  readonly #waiting = new Set<Question>();

  constructor(together: number, patienceMs = PATIENCE_MS) {
    this.#together = together;
    this.#patienceMs = patienceMs;
  }

  /** What `work` gives or throws. Throws FileFault when there is no answer in time. */
  async ask<T>(work: () => Promise<T>): Promise<T> {
    if (this.#asked.size === this.#together && [...this.#asked].every(({ isLate }) => isLate)) throw this.#noAnswer();
    const answer = Promise.withResolvers<T>();
    const question: Question = {
      begin: () => {
        this.#waiting.delete(question);
        this.#asked.add(question);
        void work()
          .then(answer.resolve, answer.reject)
          .finally(() => this.#ended(question));
      },
      isLate: false,
    };
    const giveUp = () => {
      question.isLate = true;
      this.#waiting.delete(question);
      answer.reject(this.#noAnswer());
    };
    let deadline: NodeJS.Timeout | undefined;
    const wait = () => {
      const dueAt = performance.now() + this.#patienceMs;
      // If it was the process that was busy for so long, the answer may be there.
      deadline = setTimeout(() => (performance.now() > dueAt + MOST_DELAY_MS ? wait() : giveUp()), this.#patienceMs);
    };
    wait();
    if (this.#asked.size < this.#together) question.begin();
    else this.#waiting.add(question);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(deadline);
    }
  }

  #ended(question: Question): void {
    this.#asked.delete(question);
    const [next] = this.#waiting;
    next?.begin();
  }

  #noAnswer(): FileFault {
    return new FileFault(`can't be read: its disk has not answered for ${this.#patienceMs / 1000} s`);
  }
}
