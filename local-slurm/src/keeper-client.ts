import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StartedInstance } from './instance.ts';
import type { DaemonCommand, KeeperMessage, KeeperRequest } from './protocol.ts';
import { asRoot, childEnvironment, lastLines } from './run.ts';
import { withDeadline } from './wait.ts';

export interface Keeper {
  /** Of the program that was started: the keeper, or what it is a child of. */
  readonly pid: number;
  readonly instance: StartedInstance;
  /** Settles when the keeper has ended; rejects when it couldn't remove everything. */
  readonly stopped: Promise<void>;
  command(command: Omit<DaemonCommand, 'id'>): Promise<void>;
  stop(): Promise<void>;
  /** Lets a detached keeper go on without this process. */
  release(): void;
}

export interface LaunchOptions {
  readonly onProgress?: (line: string) => void;
  /** Ends the start: everything is taken down, and the launch rejects. */
  readonly signal?: AbortSignal;
  /** A program and its arguments that become a keeper; whoever starts it is root. Default: a keeper on this machine. */
  readonly program?: readonly [string, ...string[]];
  /** The uid of whom it is for. Default: that of this process. */
  readonly owner?: number;
}

const COMMAND_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 60_000;

/** Starts a keeper and resolves once its clusters are up. When it rejects, nothing of them is left. */
export async function launchKeeper(
  request: Omit<KeeperRequest, 'temporaryDirectory' | 'cacheDirectory' | 'owner'>,
  options: LaunchOptions = {},
): Promise<Keeper> {
  options.signal?.throwIfAborted();
  const keeper: readonly [string, ...string[]] = [
    process.execPath,
    fileURLToPath(new URL('keeper.ts', import.meta.url)),
  ];
  const [command, ...args] = options.program ?? keeper;
  const program = await asRoot(command, args);
  if (program === undefined) {
    throw new Error(
      "Slurm's daemons run under several accounts here: run this as root, or allow sudo without a password.",
    );
  }
  const cacheDirectory = cachedReleases();
  // By its owner: what root makes in somebody's home is root's.
  if (request.release !== undefined) await mkdir(cacheDirectory, { recursive: true });
  // Detached: a Ctrl-C in the terminal is for the owner, which then stops the keeper.
  const child = spawn(program.command, program.args, { detached: true, env: childEnvironment() });
  await once(child, 'spawn');
  let problem: string | undefined;
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr = `${stderr}${data}`.slice(-10_000);
  });
  const ending = () => new Error(problem ?? `The keeper of Slurm ended. ${lastLines(stderr, 10)}`);
  const waiting = new Map<number, PromiseWithResolvers<void>>();

  const stopped = once(child, 'close').then(([exitCode]) => {
    for (const { reject } of waiting.values()) reject(ending());
    if (exitCode !== 0) throw ending();
  });
  // It may settle before anybody looks.
  stopped.catch(() => undefined);
  // Writing to a keeper that has just ended: `stopped` tells.
  child.stdin.on('error', () => undefined);
  const end = () => child.stdin.end();
  options.signal?.addEventListener('abort', end);

  const ready = new Promise<StartedInstance>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as KeeperMessage;
      switch (message.type) {
        case 'progress':
          return options.onProgress?.(message.line);
        case 'ready':
          return resolve(message);
        case 'failed':
          problem = message.problem;
          return;
        case 'done': {
          const command = waiting.get(message.id);
          waiting.delete(message.id);
          return message.problem === null ? command?.resolve() : command?.reject(new Error(message.problem));
        }
      }
    });
  });
  const send = (line: KeeperRequest | DaemonCommand) => child.stdin.write(`${JSON.stringify(line)}\n`);
  // Under sudo the keeper has neither this environment nor this user.
  const owner = options.owner ?? process.getuid?.() ?? 0;
  send({ ...request, temporaryDirectory: tmpdir(), cacheDirectory, owner });

  const ended = stopped.then(() => {
    options.signal?.throwIfAborted();
    throw ending();
  });
  const instance = await Promise.race([ready, ended]);
  options.signal?.removeEventListener('abort', end);

  let nextId = 1;
  return {
    pid: child.pid ?? -1,
    instance,
    stopped,
    command: async (command) => {
      const answer = Promise.withResolvers<void>();
      const id = nextId++;
      waiting.set(id, answer);
      send({ id, ...command });
      await withDeadline(answer.promise, COMMAND_TIMEOUT_MS, `${command.action} ${command.daemon}: no answer`);
    },
    stop: async () => {
      child.stdin.end();
      await withDeadline(stopped, STOP_TIMEOUT_MS, 'Slurm did not stop');
    },
    release: () => {
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    },
  };
}

/** In this user's cache (https://specifications.freedesktop.org/basedir-spec/). */
function cachedReleases(): string {
  const given = process.env['XDG_CACHE_HOME'] ?? '';
  return join(isAbsolute(given) ? given : join(homedir(), '.cache'), 'slurmql', 'releases');
}
