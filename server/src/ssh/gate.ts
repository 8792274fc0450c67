import { messageOf } from '../domain/thrown.ts';
import { SshUnavailable } from './errors.ts';

interface Waiting {
  readonly admit: () => void;
}

/** Admits a number of users at a time; the others wait in a queue, first come, first served. */
export class Gate {
  readonly #line = new Set<Waiting>();
  readonly #longestLine: number;
  #capacity: number;
  #inside = 0;

  constructor(capacity: number, longestLine: number) {
    this.#capacity = capacity;
    this.#longestLine = longestLine;
  }

  get inside(): number {
    return this.#inside;
  }

  get waiting(): number {
    return this.#line.size;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** When it shrinks, nobody is expelled: fewer are admitted. */
  set capacity(capacity: number) {
    this.#capacity = capacity;
    this.#admit();
  }

  /**
   * Resolves once admitted; the caller must then call `leave`.
   *
   * @throws SshUnavailable if `signal` aborts first, or if the queue is full
   */
  async enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw tooLate(signal);
    if (this.#line.size >= this.#longestLine) {
      throw new SshUnavailable(`${this.#longestLine} requests wait for the cluster already: try again later`);
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#line.delete(waiting);
        reject(tooLate(signal));
      };
      const waiting = {
        admit: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#line.add(waiting);
      this.#admit();
    });
  }

  leave(): void {
    this.#inside -= 1;
    this.#admit();
  }

  #admit(): void {
    for (const waiting of this.#line) {
      if (this.#inside >= this.#capacity) return;
      this.#line.delete(waiting);
      this.#inside += 1;
      waiting.admit();
    }
  }
}

function tooLate(signal: AbortSignal): SshUnavailable {
  const reason: unknown = signal.reason;
  const cause = messageOf(reason);
  return new SshUnavailable(`the request was not sent: ${cause} while others were served`, { cause: reason });
}
