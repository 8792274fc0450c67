import { execFile } from 'node:child_process';

export interface RunOptions {
  /** The command is killed after this long. Default 30 seconds. */
  readonly timeoutMs?: number;
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** What it reads from stdin. Default: nothing. */
  readonly input?: string;
  /** Kills the command. */
  readonly signal?: AbortSignal;
}

/** A command that didn't end with exit code 0. The message holds the command and what it wrote to stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** null when it couldn't be started, was killed, or ran past its deadline. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(command: string, exitCode: number | null, stdout: string, stderr: string, cause: Error) {
    super(`${command}: ${stderr.trim() || stdout.trim() || cause.message}`, { cause });
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/** The environment of a child. Root's PATH lacks the sbin directories in some shells, and all daemons lie there. */
export function childEnvironment(additions: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH = '/usr/bin:/bin' } = process.env;
  return { ...process.env, PATH: `${PATH}:/usr/sbin:/sbin`, ...additions };
}

/** Runs a program without a shell and gives its stdout. Throws a CommandError unless it ends with exit code 0. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        env: childEnvironment(options.environment),
        ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const cause = error.killed === true ? new Error(`killed after ${timeoutMs / 1000} s`, { cause: error }) : error;
        reject(
          new CommandError(
            [command, ...args].join(' '),
            typeof error.code === 'number' ? error.code : null,
            stdout,
            stderr,
            cause,
          ),
        );
      },
    );
    // A program that ends without reading it says more by its exit code.
    child.stdin?.on('error', () => undefined);
    // A program that asks a question must see the end instead of waiting.
    child.stdin?.end(options.input);
  });
}

/** True when the process may do what only root may. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** This command as one that root runs, or undefined where that would ask for a password. */
export async function asRoot(
  command: string,
  args: readonly string[],
): Promise<{ readonly command: string; readonly args: readonly string[] } | undefined> {
  if (isRoot()) return { command, args };
  try {
    await run('sudo', ['-n', 'true']);
    return { command: 'sudo', args: ['-n', '--', command, ...args] };
  } catch {
    // No sudo on the machine, or not without a password: the caller says what is needed.
    return undefined;
  }
}

/** The end of a log, for an error message. */
export function lastLines(text: string, count: number): string {
  return text.trim().split(/\r?\n/).slice(-count).join('\n');
}
