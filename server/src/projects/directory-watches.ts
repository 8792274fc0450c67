import { Worker } from 'node:worker_threads';
import type { WatchReply, WatchRequest } from './watch-worker.ts';

type Watched = Pick<Extract<WatchReply, { readonly kind: 'watched' }>, 'isComplete' | 'isNew'>;
const NOTHING: Watched = { isComplete: false, isNew: false };

/** The system has a number of them for each user, of 8,192 or many more, which others need, too. */
const MOST_DIRECTORIES = 50_000;
const MOST_OF_OWNER = 20_000;
/** A disk that takes longer hangs. */
const SILENCE_MS = 30_000;

interface Asked {
  readonly request: WatchRequest;
  readonly answer: (watched: Watched) => void;
}

/** Tells of changes in directories, by whoever wants to know of them. They are watched by a thread that a disk may keep. */
export class DirectoryWatches {
  readonly #onChange: (owner: string) => void;
  readonly #startWorker: () => Worker;
  readonly #counts = new Map<string, number>();
  /** Each is asked once the one before has been answered, so silence tells whose disk hangs. */
  readonly #asked: Asked[] = [];
  #worker: Worker | null = null;
  #silence: NodeJS.Timeout | undefined;

  constructor(onChange: (owner: string) => void, startWorker = startWatchWorker) {
    this.#onChange = onChange;
    this.#startWorker = startWorker;
  }

  /** Directories of an owner, instead of those before. */
  watch(owner: string, directories: WatchRequest['directories']): Promise<Watched> {
    const others = this.#total - (this.#counts.get(owner) ?? 0);
    const room = Math.min(MOST_OF_OWNER, MOST_DIRECTORIES - others);
    const some = directories.slice(0, room);
    this.#counts.set(owner, some.length);
    if (some.length === 0) this.#counts.delete(owner);
    return new Promise((resolve) => {
      const isAll = some.length === directories.length;
      const answer = ({ isComplete, isNew }: Watched) => resolve({ isComplete: isComplete && isAll, isNew });
      this.#asked.push({ request: { owner, directories: some }, answer });
      if (this.#asked.length === 1) this.#askNext();
    });
  }

  forget(owner: string): void {
    if (this.#counts.has(owner)) void this.watch(owner, []);
  }

  stop(): void {
    clearTimeout(this.#silence);
    void this.#worker?.terminate();
    this.#worker = null;
    for (const { answer } of this.#asked.splice(0)) answer(NOTHING);
  }

  get #total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  #askNext(): void {
    const [next] = this.#asked;
    if (next === undefined) return;
    this.#worker ??= this.#start();
    this.#silence = setTimeout(() => this.#abandon(), SILENCE_MS);
    this.#worker.postMessage(next.request);
  }

  #start(): Worker {
    const worker = this.#startWorker();
    worker.unref();
    worker.on('message', (reply: WatchReply) => {
      if (worker !== this.#worker) return;
      if (reply.kind === 'changed') this.#onChange(reply.owner);
      else this.#answered(reply);
    });
    worker.on('error', () => {
      if (worker === this.#worker) this.#abandon();
    });
    return worker;
  }

  #answered(watched: Watched): void {
    clearTimeout(this.#silence);
    this.#asked.shift()?.answer(watched);
    this.#askNext();
  }

  /** What it watched is watched by nobody now. */
  #abandon(): void {
    void this.#worker?.terminate();
    this.#worker = null;
    const owners = [...this.#counts.keys()];
    this.#counts.clear();
    this.#answered(NOTHING);
    for (const owner of owners) this.#onChange(owner);
  }
}

function startWatchWorker(): Worker {
  // Built, both files lie in one directory, too.
  const extension = import.meta.url.endsWith('.js') ? 'js' : 'ts';
  return new Worker(new URL(`./watch-worker.${extension}`, import.meta.url));
}
