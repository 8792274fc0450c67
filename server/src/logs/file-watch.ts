import { setTimeout as pause } from 'node:timers/promises';
import { WakeUp } from '../events/index.ts';
import { type FileStatus, RemoteFileError, type RemoteFiles } from '../ssh/index.ts';
import type { Logger } from '../telemetry/index.ts';

const FASTEST_MS = 150;
const SLOWEST_MS = 1000;
const REQUEST_TIMEOUT_MS = 30_000;

/** Whoever follows a file asks here whether it has grown, so that one question serves all who watch it. */
export class FileWatches {
  readonly #watches = new Map<string, FileWatch>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Shares the watch on one cluster's file until it is closed; the last one to close it stops the questions. */
  open(clusterName: string, files: RemoteFiles, path: string): FileWatch & Disposable {
    const key = `${clusterName}:${path}`;
    const watch = this.#watches.get(key) ?? new FileWatch(files, path, this.#log, () => this.#watches.delete(key));
    this.#watches.set(key, watch);
    watch.join();
    return watch;
  }

  /** How many files are watched now. */
  get size(): number {
    return this.#watches.size;
  }
}

/** Looks at a file's size, often while it grows and seldom while it rests. */
export class FileWatch implements Disposable {
  readonly #files: RemoteFiles;
  readonly #path: string;
  readonly #log: Logger;
  readonly #onUnused: () => void;
  readonly #looked = new WakeUp();
  readonly #ending = new AbortController();
  #users = 0;
  #status: FileStatus | null = null;
  #fault: RemoteFileError | null = null;
  #looks = 0;

  constructor(files: RemoteFiles, path: string, log: Logger, onUnused: () => void) {
    this.#files = files;
    this.#path = path;
    this.#log = log;
    this.#onUnused = onUnused;
  }

  /** As last seen; null: there is no such file, or nobody has looked yet. */
  get status(): FileStatus | null {
    return this.#status;
  }

  /** Why the cluster won't show the file, when that is its own answer. */
  get fault(): RemoteFileError | null {
    return this.#fault;
  }

  /** How many times the file was really looked at: two looks without growth mean more than two quick questions. */
  get looks(): number {
    return this.#looks;
  }

  join(): void {
    this.#users += 1;
    if (this.#users === 1) void this.#run();
  }

  [Symbol.dispose](): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#onUnused();
    this.#ending.abort();
  }

  /** Resolves after the next look at the file, or once the signal is aborted. */
  async nextLook(signal: AbortSignal): Promise<void> {
    await this.#looked.wait(signal);
  }

  /** Never throws: a cluster that can't be asked is asked again, and followers wait meanwhile. */
  async #run(): Promise<void> {
    const { signal } = this.#ending;
    let pauseMs = FASTEST_MS;
    while (!signal.aborted) {
      try {
        const before = this.#status;
        this.#status = await this.#files.stat(this.#path, { timeoutMs: REQUEST_TIMEOUT_MS, signal });
        this.#looks += 1;
        this.#fault = null;
        const hasChanged =
          before?.sizeBytes !== this.#status?.sizeBytes ||
          before?.modifiedAt.getTime() !== this.#status?.modifiedAt.getTime();
        pauseMs = hasChanged ? FASTEST_MS : Math.min(pauseMs * 1.5, SLOWEST_MS);
      } catch (cause) {
        if (!signal.aborted) this.#log.debug({ err: cause }, `${this.#path}: can't be looked at`);
        this.#fault = cause instanceof RemoteFileError ? cause : null;
        pauseMs = SLOWEST_MS;
      }
      this.#looked.notify();
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
