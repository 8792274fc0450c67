import { basename, dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { OpenedFile } from './disk-questions.ts';
import type { Answer, Heartbeat, Question, QuestionName, Reply, WorkerData } from './disk-worker.ts';
import { GitError, ServerBusy } from './git-error.ts';
import { type OwnPlace, ownPlace } from './own-places.ts';
import { Places } from './places.ts';

const SILENCE_MS = 30_000;
const IDLE_MS = 10_000;
const IN_ALL = 2;
const BUSY =
  'the server waits for the disk of this repository, or of others: try again in a while, or look why the disk is slow';

/**
 * A network disk whose server is away keeps whoever asks it until it is back. So it is asked by threads of their own, never
 * by the few that the process has for its other files, for names of hosts and for compression.
 */
export class DiskAccess {
  readonly #places = new Places({ ofOwner: 1, inAll: IN_ALL, patienceMs: 60_000, busy: BUSY });
  readonly #startWorker: (workerData: WorkerData) => Worker;
  /** Repositories whose disk has fallen silent, until it answers. */
  readonly #silent = new Set<string>();
  readonly #idle: DiskThread[] = [];
  #own: readonly OwnPlace[] = [];

  constructor(startWorker = startDiskWorker) {
    this.#startWorker = startWorker;
  }

  /** What no repository's file is from now on, wherever it lies: before it, nothing. */
  keepOutOf(own: readonly OwnPlace[]): void {
    this.#own = own;
    for (const thread of this.#idle.splice(0)) thread.end();
  }

  /**
   * Asks the disk of a repository something in its turn. Throws what the question does, GitError where the disk is silent
   * for too long, and ServerBusy.
   */
  async ask<K extends QuestionName>(
    repository: string,
    name: K,
    ...parameters: Question<K>['parameters']
  ): Promise<Answer<K>> {
    if (this.#silent.has(repository)) throw noAnswer();
    if (this.#silent.size === IN_ALL) throw new ServerBusy(BUSY);
    const place = await this.#places.take(repository);
    const { promise, resolve, reject } = Promise.withResolvers<Answer<K>>();
    const onSilence = () => {
      this.#silent.add(repository);
      reject(noAnswer());
    };
    const onAnswer = (answer: unknown) => {
      const isLate = this.#silent.has(repository);
      // Nobody else would.
      if (isLate && name === 'open' && answer !== null) void this.close(repository, (answer as OpenedFile).descriptor);
      resolve(answer as Answer<K>);
    };
    void this.#askThread({ name, parameters }, onSilence)
      .then(onAnswer, reject)
      .finally(() => {
        this.#silent.delete(repository);
        place.leave();
      });
    return promise;
  }

  /** Closes a file in its turn, however late that is; nobody waits for it. */
  async close(repository: string, descriptor: number): Promise<void> {
    const place = await this.#places.take(repository, { patienceMs: Number.POSITIVE_INFINITY });
    await this.#askThread({ name: 'close', parameters: [descriptor] }, () => undefined).catch(() => undefined);
    place.leave();
  }

  async #askThread(question: Question, onSilence: () => void): Promise<unknown> {
    const thread = this.#idle.pop() ?? new DiskThread(this.#startWorker, this.#own);
    const reply = await thread.ask(question, onSilence);
    this.#idle.push(thread);
    thread.rest(() => this.#idle.splice(this.#idle.indexOf(thread), 1));
    if ('answer' in reply) return reply.answer;
    throw reply.isExpected ? new GitError(reply.fault) : new Error(reply.fault);
  }
}

/** Every access to files of a repository goes this way. */
export const disks = new DiskAccess();

/** The files of the server's own data are no repository's, also where a work tree holds them. */
export function keepDataApart({
  directory,
  databaseFile,
}: {
  readonly directory: string;
  readonly databaseFile: string;
}): void {
  // Beside a database lie files whose names begin with its own.
  disks.keepOutOf([ownPlace(directory, ''), ownPlace(dirname(databaseFile), basename(databaseFile))]);
}

function noAnswer(): GitError {
  return new GitError(`its disk has not answered for ${SILENCE_MS / 1000} s`);
}

function startDiskWorker(workerData: WorkerData): Worker {
  // Built, both files lie in one directory, too.
  const extension = import.meta.url.endsWith('.js') ? 'js' : 'ts';
  // A file stays open when the thread ends that opened it.
  return new Worker(new URL(`./disk-worker.${extension}`, import.meta.url), { workerData, trackUnmanagedFds: false });
}

/** Answers one question at a time. */
class DiskThread {
  readonly #worker: Worker;
  readonly #heartbeat: Heartbeat = new Int32Array(new SharedArrayBuffer(4));
  #reply = Promise.withResolvers<Reply>();
  #ending: NodeJS.Timeout | undefined;

  constructor(start: (workerData: WorkerData) => Worker, own: readonly OwnPlace[]) {
    this.#worker = start({ heartbeat: this.#heartbeat, own });
    this.#worker.unref();
    this.#worker.on('message', (reply: Reply) => this.#reply.resolve(reply));
    this.#worker.on('error', (cause) => this.#reply.reject(cause));
  }

  /** `onSilence` is called when the disk has answered nothing for a while. */
  async ask(question: Question, onSilence: () => void): Promise<Reply> {
    clearTimeout(this.#ending);
    this.#reply = Promise.withResolvers();
    let heard = Atomics.load(this.#heartbeat, 0);
    const listening = setInterval(() => {
      const now = Atomics.load(this.#heartbeat, 0);
      if (now === heard) onSilence();
      heard = now;
    }, SILENCE_MS);
    try {
      this.#worker.postMessage(question);
      return await this.#reply.promise;
    } finally {
      clearInterval(listening);
    }
  }

  /** Ends when nothing is asked for a while. */
  rest(onEnd: () => void): void {
    this.#ending = setTimeout(() => {
      onEnd();
      this.end();
    }, IDLE_MS).unref();
  }

  end(): void {
    clearTimeout(this.#ending);
    void this.#worker.terminate();
  }
}
