import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { descendants, type ProcessInfo, signalProcess } from './processes.ts';
import { childEnvironment, lastLines } from './run.ts';
import { waitFor } from './wait.ts';

export interface DaemonOptions {
  /** For messages: "alpha/slurmctld". */
  readonly name: string;
  /** An absolute path, or a name on the PATH. The program has to stay in the foreground. */
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Gets its stdout and stderr; what an earlier run wrote is kept. */
  readonly logFile: string;
  /** True once it serves. `log` is what this run has written. */
  readonly ready: (log: string) => boolean | Promise<boolean>;
  /** Also kill what it started, once it has ended: sshd's sessions outlive it. */
  readonly killDescendants?: boolean;
}

/** A daemon that ended, or didn't serve in time. The message ends with the last lines of its log. */
export class DaemonError extends Error {
  override readonly name = 'DaemonError';
  /** What this run wrote. */
  readonly log: string;

  constructor(daemon: string, problem: string, log: string) {
    super(`${daemon} ${problem}. Its last lines:\n${lastLines(log, 8).replaceAll(/^/gm, '  ')}`);
    this.log = log;
  }
}

/** A program in the foreground as a direct child. The kernel ends it when this process ends, however it does. */
export class Daemon {
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #logStart = 0;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** undefined while it doesn't run. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Resolves once it serves. Throws a DaemonError, with nothing left running, when it doesn't. */
  async start(): Promise<void> {
    const { name, command, args, environment, logFile, ready } = this.#options;
    if (this.#running !== undefined) throw new Error(`${name} runs already`);
    const log = await open(logFile, 'a');
    try {
      this.#logStart = (await log.stat()).size;
      // A session of its own: Ctrl-C in a terminal reaches the owner alone, which stops its daemons in order.
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
        env: childEnvironment(environment),
        stdio: ['ignore', log.fd, log.fd],
        detached: true,
        cwd: '/',
      });
      this.#child = child;
      await once(child, 'spawn');
    } finally {
      await log.close();
    }
    try {
      await waitFor(
        async () => {
          if (this.#running === undefined) throw new Error('ended');
          return ready(await this.log());
        },
        { timeoutMs: 20_000, failure: 'it answers nothing' },
      );
    } catch (error) {
      const ended = this.#running === undefined;
      await this.stop({ graceMs: 0 });
      const problem = ended
        ? 'ended while it started'
        : `did not start (${error instanceof Error ? error.message : error})`;
      throw new DaemonError(name, problem, await this.log());
    }
  }

  /** False when it doesn't run. */
  signal(signal: NodeJS.Signals): boolean {
    return this.#running?.kill(signal) ?? false;
  }

  /** Ends it: by SIGTERM, and after `graceMs` by SIGKILL. May be called at any time, and again. */
  async stop({ graceMs = 5_000 } = {}): Promise<void> {
    const child = this.#running;
    if (child?.pid === undefined) return;
    let started: readonly ProcessInfo[] = [];
    if (this.#options.killDescendants === true) {
      // A stopped process starts no more of them.
      child.kill('SIGSTOP');
      started = descendants(child.pid);
    }
    const exited = once(child, 'exit');
    child.kill(graceMs === 0 ? 'SIGKILL' : 'SIGTERM');
    child.kill('SIGCONT');
    const killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    try {
      await exited;
    } finally {
      clearTimeout(killer);
    }
    for (const one of started) signalProcess(one, 'SIGKILL');
  }

  /** What this run has written. */
  async log(): Promise<string> {
    return (await readFile(this.#options.logFile)).subarray(this.#logStart).toString();
  }

  get #running(): ChildProcess | undefined {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null ? child : undefined;
  }
}
