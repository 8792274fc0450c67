import type { GraphQLError } from 'graphql';
import type { Job } from '../domain/job.ts';
import { requestFault } from './error-codes.ts';
import type { Turns } from './turns.ts';

/** What one operation may take as it runs: of what nobody knows beforehand, such as how long texts and lists are. */
export const WORK_LIMITS = {
  values: 500_000,
  /** Of texts that it reads. */
  bytes: 32 * 1024 ** 2,
  /** In the store. */
  seconds: 20,
  /** Of its answer as JSON. */
  answerBytes: 16 * 1024 ** 2,
} as const;

/** So many entries are answered at once. */
const FEW = 50;

/** What one operation has done so far, or one event of a subscription. */
export class Work {
  readonly #turns: Turns;
  readonly #signal: AbortSignal;
  #values = 0;
  #bytes = 0;
  #milliseconds = 0;
  #excess: GraphQLError | null = null;
  #lastRead: Promise<unknown> = Promise.resolve();

  /** `signal`: aborted once nobody waits for the answer any more. */
  constructor(turns: Turns, signal: AbortSignal) {
    this.#turns = turns;
    this.#signal = signal;
  }

  /** What it took too much of; null: nothing. Then it has no other answer, and what is left of it fails at once. */
  get excess(): GraphQLError | null {
    return this.#excess;
  }

  /** Resolves when there is time for something that takes a while. */
  turn(): Promise<void> | undefined {
    return this.#turns.pass();
  }

  /** Reads from the store, one after the other. Throws once it was too much. */
  read<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastRead.then(async () => {
      await this.#turns.pass();
      this.#check();
      const began = performance.now();
      try {
        return await work();
      } finally {
        this.#milliseconds += performance.now() - began;
        if (this.#milliseconds > WORK_LIMITS.seconds * 1000) this.#exceed(`takes more than ${WORK_LIMITS.seconds} s`);
      }
    });
    // A read that fails keeps no other from being tried.
    this.#lastRead = result.catch(() => undefined);
    return result;
  }

  /** The entries of a list, with so many fields each; a long one in turns of the event loop. Throws once it was too much. */
  entries<T>(list: readonly T[], fields: number): Iterable<T | Promise<T>> {
    this.#values += list.length * fields;
    if (this.#values > WORK_LIMITS.values) this.#exceed(`has more than ${WORK_LIMITS.values} values`);
    this.#check();
    return list.length <= FEW ? list : this.#inTurns(list);
  }

  /** Counts texts that were read. Throws once it was too much. */
  texts(...texts: readonly (string | null)[]): void {
    for (const text of texts) this.#bytes += text?.length ?? 0;
    if (this.#bytes > WORK_LIMITS.bytes) this.#exceed(`reads more than ${WORK_LIMITS.bytes} bytes of texts`);
    this.#check();
  }

  jobs<J extends Job | null>(jobs: readonly J[]): readonly J[] {
    for (const job of jobs) if (job !== null) this.texts(job.command, job.description, job.reason, job.nodeList);
    return jobs;
  }

  *#inTurns<T>(list: readonly T[]): Iterable<T | Promise<T>> {
    for (const entry of list) {
      const turn = this.#turns.pass();
      yield turn === undefined ? entry : this.#after(turn, entry);
    }
  }

  async #after<T>(turn: Promise<void>, entry: T): Promise<T> {
    await turn;
    this.#check();
    return entry;
  }

  #exceed(what: string): void {
    this.#excess ??= requestFault('LIMIT_EXCEEDED', `The operation ${what}: ask for less at a time`);
  }

  #check(): void {
    if (this.#excess !== null) throw this.#excess;
    this.#signal.throwIfAborted();
  }
}
