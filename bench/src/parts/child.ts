import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PRODUCT_OPTIONS } from '../product-options.ts';

/** What a process has used of the machine. */
export interface Usage {
  /** User and system time since its start, in ms. */
  readonly cpuMs: number;
  readonly residentBytes: number;
}

/** A server in a process of its own, so that its use of the machine is its own: it answers one command at a time. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /**
   * `file`: a module of this directory that calls `serveCommands`. With the options of Node's that the product is
   * started with, unless others are given. Resolves once it is ready.
   */
  static async start(
    file: string,
    args: readonly string[] = [],
    nodeOptions: readonly string[] = PRODUCT_OPTIONS,
  ): Promise<Child> {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const child = fork(path, args, { stdio: 'inherit', execArgv: [...nodeOptions, '--expose-gc'] });
    const started = new Child(child);
    await started.#answer();
    return started;
  }

  /** Throws when the process can't do it, or ends. */
  async ask<T>(command: string, argument: unknown = null): Promise<T> {
    this.#process.send({ command, argument });
    return (await this.#answer()) as T;
  }

  usage(): Promise<Usage> {
    return this.ask('usage');
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** At once, as a power cut does. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  async #answer(): Promise<unknown> {
    const ending = new AbortController();
    const ended = once(this.#process, 'exit', { signal: ending.signal }).then(() => {
      throw new Error('The process has ended');
    });
    ended.catch(() => undefined);
    try {
      const [{ value, fault }] = (await Promise.race([once(this.#process, 'message'), ended])) as [
        { value: unknown; fault?: string },
      ];
      if (fault !== undefined) throw new Error(fault);
      return value;
    } finally {
      ending.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.disconnect();
    await once(this.#process, 'exit');
  }
}

type Commands = Readonly<Record<string, (argument: never) => Promise<unknown> | unknown>>;

/** The other end: answers commands until the parent goes. */
export function serveCommands(commands: Commands): void {
  const all: Commands = { usage, ...commands };
  process.on('message', async ({ command, argument }: { command: string; argument: never }) => {
    try {
      process.send?.({ value: await all[command]?.(argument) });
    } catch (cause) {
      process.send?.({ fault: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) });
    }
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ value: null });
}

function usage(): Usage {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, residentBytes: process.memoryUsage.rss() };
}
