import { setTimeout as pause } from 'node:timers/promises';
import type { RemoteFiles } from '../ssh/index.ts';

/** While jobs are active. A look costs one SFTP request and asks nothing of Slurm. */
const LOOK_MS = 1000;
/** While none is active: others can requeue a job that is over. */
const IDLE_LOOK_MS = 60_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** At this size the file is truncated. Nobody reads its lines; only its growth matters. */
const MAX_BYTES = 1024 * 1024;

export interface ActivityOptions {
  readonly files: RemoteFiles;
  readonly hasActiveJobs: () => boolean;
  /** Called when a job has begun or ended. */
  readonly onActivity: () => void;
  /** Called when the size of the file can't be read; it is tried again. */
  readonly onFault: (cause: unknown) => void;
}

/**
 * Watches the file in the workspace to which every batch script appends a line when it begins and when it ends, so that
 * Slurm is asked when something has changed, and not more often.
 */
export class ActivityWatch {
  readonly #options: ActivityOptions;
  #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: ActivityOptions) {
    this.#options = options;
  }

  /** `workspace` is absolute. */
  start(workspace: string): void {
    this.stop();
    const ending = new AbortController();
    this.#ending = ending;
    this.#running = this.#run(`${workspace}/activity`, ending.signal);
  }

  stop(): void {
    this.#ending.abort();
  }

  async stopped(): Promise<void> {
    await this.#running;
  }

  /** Never throws. */
  async #run(path: string, signal: AbortSignal): Promise<void> {
    const { files, hasActiveJobs, onActivity, onFault } = this.#options;
    let known: number | null = null;
    let hasFailed = false;
    while (!signal.aborted) {
      try {
        const size = (await files.stat(path, { timeoutMs: REQUEST_TIMEOUT_MS, signal }))?.sizeBytes ?? 0;
        if (known !== null && size !== known) onActivity();
        known = size;
        if (size > MAX_BYTES) {
          await files.write(path, Buffer.alloc(0), { mode: 0o600, timeoutMs: REQUEST_TIMEOUT_MS, signal });
          known = 0;
        }
        hasFailed = false;
      } catch (cause) {
        if (!signal.aborted && !hasFailed) onFault(cause);
        hasFailed = true;
      }
      const isIdle = hasFailed || !hasActiveJobs();
      // In short steps, so that a job submitted meanwhile is watched at once.
      for (let waited = 0; waited < (isIdle ? IDLE_LOOK_MS : LOOK_MS) && !signal.aborted; waited += LOOK_MS) {
        if (waited > 0 && !hasFailed && hasActiveJobs()) break;
        await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }
}
