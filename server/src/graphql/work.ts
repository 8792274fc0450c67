import { GraphQLError, OperationTypeNode } from 'graphql';
import type { JobAttempt } from '../domain/attempt.ts';
import type { Job } from '../domain/job.ts';
import type { Project } from '../domain/project.ts';
import type { Reader } from '../store/index.ts';
import type { Rank, Turns } from '../turns/index.ts';
import { requestFault } from './error-codes.ts';
import { GATE, type Gate, type Place } from './gate.ts';
import { isPromise } from './promises.ts';

/** The limits of one operation while it runs: for costs that can't be estimated, such as lengths of texts and lists. */
export const WORK_LIMITS = {
  values: 500_000,
  /** Characters of texts that it reads. */
  bytes: 32 * 1024 ** 2,
  /** In the store. */
  seconds: 20,
  /** Of its answer as JSON. */
  answerBytes: 16 * 1024 ** 2,
} as const;

/** Beyond any of these an operation is large and needs a place. The dashboard's are all small. */
export const SMALL = {
  values: 10_000,
  /** Rows of lists, as estimated. */
  rows: 250,
  bytes: 4 * 1024 ** 2,
  /** Of processor time in the store: a page or a count by an index takes much less among a million jobs. */
  cpuMs: 100,
} as const;

/** What an operation may hold while it waits among hundreds of others. */
const LITTLE = { values: 1000, bytes: 64 * 1024 } as const;

/** Made once: each takes its stack, as long as a small operation takes. */
const ANSWERED = new DOMException('The operation has been answered', 'AbortError');

/** How many entries are answered at once. */
const FEW = 50;

/** What is known of an operation before it runs. */
export interface Scale {
  readonly kind: OperationTypeNode;
  readonly isLarge: boolean;
}

/** What operations share, each as much as it is given. */
export interface Capacity {
  readonly turns: Turns;
  readonly gate: Gate;
}

export interface WorkOptions extends Capacity {
  readonly scale: Scale;
  /** The account, for the gate. */
  readonly account: string;
  /** Aborted once nobody waits for the answer. */
  readonly signal: AbortSignal;
}

/** Counts the work of one operation, or of one event of a subscription, and reads the store in its turns. */
export class Work implements Reader {
  readonly #options: WorkOptions;
  #values = 0;
  #bytes = 0;
  #milliseconds = 0;
  #cpuMs = 0;
  #hasRun = false;
  #hasRead = false;
  readonly #ending = new AbortController();
  readonly #broken = Promise.withResolvers<never>();
  readonly #placed = Promise.withResolvers<void>();
  #place: Place | null = null;
  #entering: Promise<void> | null = null;
  #excess: GraphQLError | null = null;
  #lastRead: Promise<unknown> = Promise.resolve();

  constructor(options: WorkOptions) {
    this.#options = options;
    if (options.signal.aborted) this.#leave();
    else options.signal.addEventListener('abort', this.#leave, { once: true });
    // It may fail when nobody waits any more.
    this.#broken.promise.catch(() => undefined);
  }

  /** Aborted once nobody waits for any of it: an error may be the answer before the other fields have ended. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** The limit that it exceeded; null: none. After that, this is its only answer, and the rest fails at once. */
  get excess(): GraphQLError | null {
    return this.#excess;
  }

  /**
   * Runs all of it, in a place if it needs one. Throws once a limit is exceeded; if it got no place, nothing of it has
   * run.
   */
  async run<T>(execute: () => T | Promise<T>): Promise<T> {
    try {
      if (this.#options.scale.isLarge) {
        await this.#enter();
        // It was parsed and checked in this turn, which takes a while for a long one.
        await this.#options.turns.wait('large', this.#options.account);
      } else {
        // Many may begin at once, such as subscriptions that one change wakes.
        const turn = this.#options.turns.pass('new', this.#options.account);
        if (turn !== undefined) await turn;
      }
      this.#hasRun = true;
      const result = execute();
      return await (isPromise(result) ? Promise.race([result, this.#broken.promise]) : result);
    } finally {
      this.#options.signal.removeEventListener('abort', this.#leave);
      this.#ending.abort(ANSWERED);
      // What it still reads takes as much as before.
      void this.#lastRead.then(() => this.#place?.[Symbol.dispose]());
    }
  }

  readonly #leave = (): void => this.#ending.abort(this.#options.signal.reason);

  /** Reads from the store, or does other work that may take long: one after another. Throws once a limit is exceeded. */
  read<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastRead.then(async () => {
      this.#check();
      await this.#pass();
      this.#check();
      this.#hasRead = true;
      const found = await work();
      // The work that follows belongs to another turn.
      if (this.#place !== null) await this.#options.turns.wait('large', this.#options.account);
      return found;
    });
    // A read that fails doesn't prevent others.
    this.#lastRead = result.catch(() => undefined);
    return result;
  }

  get account(): string {
    return this.#options.account;
  }

  get placed(): Promise<void> {
    return this.#placed.promise;
  }

  /** Runs one statement of the store, in a place if the operation has turned out to need one. */
  async statement<T>(run: () => Promise<T>): Promise<T> {
    const { turns, account, scale } = this.#options;
    const isMutation = scale.kind === OperationTypeNode.MUTATION;
    // What a mutation does isn't left half done because nobody waits for it: only its answer ends, in `read`.
    if (!isMutation) this.#check();
    if (this.#needsPlace) await this.#enter().catch((cause: unknown) => isMutation || Promise.reject(cause));
    return turns.run(this.#rank, account, () => {
      // Much may have happened while it waited.
      if (!isMutation) this.#check();
      return this.#timed(run);
    });
  }

  async #timed<T>(run: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const cpu = process.threadCpuUsage();
    try {
      return await run();
    } finally {
      this.#milliseconds += performance.now() - began;
      // While the machine is busy, a small one takes as long as a large one, and as little of this.
      const { user, system } = process.threadCpuUsage(cpu);
      this.#cpuMs += (user + system) / 1000;
      if (this.#milliseconds > WORK_LIMITS.seconds * 1000) this.#exceed(`takes more than ${WORK_LIMITS.seconds} s`);
    }
  }

  /**
   * The entries of a list, with this many fields each; a long one in turns of the event loop. Throws once a limit is
   * exceeded.
   */
  entries<T>(list: readonly T[], fields: number): Iterable<T | Promise<T>> {
    this.#take(list.length * fields);
    return list.length <= FEW && !this.#needsPlace ? list : this.#inTurns(list);
  }

  #take(values: number): void {
    this.#values += values;
    if (this.#values > WORK_LIMITS.values) this.#exceed(`has more than ${WORK_LIMITS.values} values`);
    this.#check();
  }

  /** The entries of a list of texts or numbers, each counted as in JSON. Throws once a limit is exceeded. */
  leaves<T>(list: readonly T[]): readonly T[] {
    for (const leaf of list) this.#bytes += (typeof leaf === 'string' ? leaf.length : 3) + 2;
    this.texts();
    return list;
  }

  /** Counts texts that were read. Throws once a limit is exceeded. */
  texts(...texts: readonly (string | null | undefined)[]): void {
    for (const text of texts) this.#bytes += text?.length ?? 0;
    if (this.#bytes > WORK_LIMITS.bytes) this.#exceed(`reads more than ${WORK_LIMITS.bytes} bytes of texts`);
    this.#check();
  }

  /** Counts the texts of jobs that were read, whatever is asked of them. Throws once a limit is exceeded. */
  jobs(jobs: readonly Job[]): void {
    for (const { command, description, reason, nodeList, components, tags } of jobs) {
      this.texts(command, description, reason, nodeList, ...tags);
      for (const component of components) this.texts(component.reason, component.nodeList);
    }
  }

  /** The same for projects. */
  projects(projects: readonly Project[]): void {
    for (const { name, path, condaEnv, prologue, git, fault } of projects)
      this.texts(name, path, condaEnv, prologue, git.remoteUrl, git.branch, git.headCommit?.subject, fault?.message);
  }

  /** Counts attempts, before any is answered, and their texts. Throws once a limit is exceeded. */
  attempts(attempts: readonly JobAttempt[]): void {
    this.#take(attempts.length);
    for (const { outcome, nodeList } of attempts) this.texts(outcome, nodeList);
  }

  *#inTurns<T>(list: readonly T[]): Iterable<T | Promise<T>> {
    for (const entry of list) {
      const turn = this.#pass();
      yield turn === undefined ? entry : this.#after(turn, entry);
    }
  }

  async #after<T>(turn: Promise<void>, entry: T): Promise<T> {
    await turn;
    this.#check();
    return entry;
  }

  get #needsPlace(): boolean {
    if (this.#place !== null) return false;
    return this.#values > SMALL.values || this.#bytes > SMALL.bytes || this.#cpuMs > SMALL.cpuMs;
  }

  get #rank(): Rank {
    if (this.#place !== null) return 'large';
    return this.#hasRead ? 'begun' : 'new';
  }

  /** Whether it has changed something, or holds so much that few like it may wait. */
  get #hasBegun(): boolean {
    if (this.#options.scale.kind === OperationTypeNode.MUTATION) return this.#hasRun;
    return this.#hasRead && (this.#values > LITTLE.values || this.#bytes > LITTLE.bytes);
  }

  /** Undefined: continue at once. */
  #pass(): Promise<void> | undefined {
    const { turns, account } = this.#options;
    if (this.#needsPlace) return this.#enter().then(() => turns.pass('large', account));
    return turns.pass(this.#rank, account);
  }

  #enter(): Promise<void> {
    this.#entering ??= this.#takePlace();
    return this.#entering;
  }

  async #takePlace(): Promise<void> {
    const { gate, account, scale } = this.#options;
    const { signal } = this;
    try {
      const place = await gate.enter({ account, kind: scale.kind, hasBegun: this.#hasBegun, signal });
      this.#place = place;
      this.#placed.resolve();
      void place.overdue.then(() => this.#giveUp(place));
      // What failed meanwhile has been answered.
      if (signal.aborted) place[Symbol.dispose]();
    } catch (cause) {
      if (cause instanceof GraphQLError) this.#excess ??= cause;
      throw cause;
    }
  }

  /** It was slow, for example because a cluster didn't answer. The result of a mutation is still returned. */
  #giveUp(place: Place): void {
    place[Symbol.dispose]();
    if (this.#options.scale.kind !== OperationTypeNode.QUERY) return;
    this.#exceed(`is large and takes more than ${GATE.seconds} s while others wait`);
    this.#broken.reject(this.#excess);
  }

  #exceed(what: string): void {
    this.#excess ??= requestFault('LIMIT_EXCEEDED', `The operation ${what}: ask for less at a time`);
  }

  #check(): void {
    if (this.#excess !== null) throw this.#excess;
    this.signal.throwIfAborted();
  }
}
