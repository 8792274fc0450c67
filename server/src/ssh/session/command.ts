import { randomBytes } from 'node:crypto';
import { SshInterrupted, SshOutputTooLarge, SshUnavailable } from '../errors.ts';
import type { Channels } from './channels.ts';
import { sendInput } from './command-input.ts';
import { decoded } from './decode.ts';
import { joined, Output } from './output.ts';
import { OwnShell, SHELL_COMMAND, wordsOf } from './own-shell.ts';

export interface CommandResult {
  readonly exitCode: number;
  /** Decoded as UTF-8; what isn't UTF-8 becomes U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
}

/** The same, in bytes. */
export interface ScriptResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export interface ScriptOptions {
  readonly maxOutputBytes: number;
  /** What is sent to the script's standard input, once it has printed `ready`; it ends there. None: /dev/null. */
  readonly input?: { readonly ready: string; readonly content: AsyncIterable<Buffer> };
  /** A long answer keeps others from coming until this aborts. Default: until it is there. */
  readonly until?: AbortSignal;
}

/** The same, in pieces. */
interface Printed {
  readonly exitCode: number;
  readonly stdout: Buffer[];
  readonly stderr: Buffer[];
}

/** As `runScript`, with the output as text. */
export async function runCommand(
  channels: Channels,
  script: string,
  options: ScriptOptions,
  signal: AbortSignal,
): Promise<CommandResult> {
  const held = new AbortController();
  try {
    const printed = await printedBy(channels, script, { until: held.signal, ...options }, signal);
    const stdout = await decoded(printed.stdout);
    return { exitCode: printed.exitCode, stdout, stderr: await decoded(printed.stderr) };
  } finally {
    held.abort();
  }
}

/**
 * Runs a POSIX shell script on the cluster, in a /bin/sh, whatever the login shell and its start-up files do. The
 * script goes to the shell's standard input once the shell has answered.
 *
 * @throws SshUnavailable if it was not sent, with what the login said instead
 * @throws SshInterrupted if it was, and `signal` aborted or the connection broke before its exit code came
 * @throws SshOutputTooLarge if standard output and standard error together exceed `maxOutputBytes`
 * @throws what the input's content throws
 */
export async function runScript(
  channels: Channels,
  script: string,
  options: ScriptOptions,
  signal: AbortSignal,
): Promise<ScriptResult> {
  const { exitCode, stdout, stderr } = await printedBy(channels, script, options, signal);
  return { exitCode, stdout: joined(stdout), stderr: joined(stderr) };
}

/** When the question to a shell that hasn't answered is repeated, in ms after the first time. */
const AGAIN_MS = [1_500, 5_000, 15_000];
/**
 * When its input is ended instead, so that a shell that reads all of it first, such as fish, at least reports an error.
 */
const GIVE_UP_MS = 50_000;
/** Whatever is open after the end of a script, such as a shell that started ours as its child, ends with its input. */
const LINGER_MS = 500;
/** Room for the markers around the script's own output. */
const FRAME_BYTES = 1024;
/** No login prints more before a shell answers. */
const MOST_NOISE_BYTES = 1024 * 1024;

/** An answer is long from here on, and then waits for other long ones of the connection to be over. */
export const LONG_ANSWER_BYTES = 8 * 1024 * 1024;

async function printedBy(
  channels: Channels,
  script: string,
  { maxOutputBytes, input, until }: ScriptOptions,
  signal: AbortSignal,
): Promise<Printed> {
  const channel = await channels.openCommand(SHELL_COMMAND, signal);
  if (signal.aborted) {
    channel.close();
    channels.ended(channel);
    throw new SshUnavailable(`the command was not sent: ${signal.reason.message}`, { cause: signal.reason });
  }
  return new Promise((resolve, reject) => {
    const shell = new OwnShell();
    const framed = frame(script, input === undefined);
    const stdout = new Output();
    const stderr = new Output();
    const timers = new Set<NodeJS.Timeout>();
    let size = 0;
    let isSent = false;
    const over = new AbortController();
    let awaited = input;
    /** The script's exit code, if the shell that ran it continued after its end. */
    let endedWith: number | undefined;
    let isInputEnded = false;

    function settle(conclude: () => void): void {
      if (over.signal.aborted) return;
      over.abort();
      signal.removeEventListener('abort', onAbort);
      clearTimers();
      conclude();
    }

    function stop(error: Error): void {
      settle(() => {
        reject(error);
        // Without the signal, the command would continue unseen and keep its place among the server's sessions.
        channel.signal('TERM');
        channel.close();
        channels.ended(channel);
      });
    }

    function onAbort(): void {
      const reason: Error = signal.reason;
      stop(
        isSent
          ? new SshInterrupted(`the command was stopped: ${reason.message}. It may have taken effect`, {
              cause: reason,
            })
          : new SshUnavailable(`the command was not sent: ${reason.message} before a shell answered${said()}`, {
              cause: reason,
            }),
      );
    }

    function said(): string {
      const words = wordsOf(stdout.bytes, stderr.bytes);
      return words === '' ? ', and the login said nothing' : `. The login said: ${words}`;
    }

    function later(delayMs: number, work: () => void): void {
      timers.add(setTimeout(work, delayMs));
    }

    function clearTimers(): void {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    }

    /** The login shell may have ended already, as that of a closed account does. */
    function write(text: string): void {
      if (channel.writable) channel.write(text);
    }

    function endInput(): void {
      isInputEnded = true;
      channel.end();
    }

    function sendOnceAnswered(): void {
      if (isSent || isInputEnded || !shell.isIn(stdout)) return;
      isSent = true;
      size = 0;
      clearTimers();
      write(framed.text);
    }

    function collect(output: Output, chunk: Buffer): void {
      // Data after the end is discarded: the channel closes only once it is drained.
      if (over.signal.aborted) return;
      output.append(chunk);
      const wasLong = size > LONG_ANSWER_BYTES;
      size += chunk.length;
      if (isSent && !wasLong && size > LONG_ANSWER_BYTES) void takeTurn();
      if (!isSent && size > MOST_NOISE_BYTES) {
        stop(new SshUnavailable(`the login prints endless text instead of running a command${said()}`));
      } else if (size > maxOutputBytes + FRAME_BYTES) {
        stop(new SshOutputTooLarge(`the command printed more than ${maxOutputBytes} bytes`));
      }
    }

    /** What the cluster sends waits there. If it waits for too long, the command is stopped by its deadline. */
    async function takeTurn(): Promise<void> {
      for (const stream of [channel, channel.stderr]) stream.pause();
      await channels.takeLongAnswer(over.signal, until ?? over.signal).catch(stop);
      for (const stream of [channel, channel.stderr]) stream.resume();
    }

    channel.on('data', (chunk: Buffer) => {
      collect(stdout, chunk);
      sendOnceAnswered();
      if (awaited === undefined || !isSent || !stdout.last(awaited.ready.length).includes(awaited.ready)) return;
      const { content } = awaited;
      awaited = undefined;
      sendInput(channels, channel, content, over.signal).catch(stop);
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      collect(stderr, chunk);
      if (endedWith !== undefined || !isSent) return;
      endedWith = framed.exitCode(stderr.last(FRAME_BYTES));
      if (endedWith !== undefined) later(LINGER_MS, endInput);
    });
    channel.on('error', (error: Error) => stop(new SshInterrupted(`the command's channel failed: ${error.message}`)));
    channel.on('close', (code: unknown) => {
      settle(() => {
        const exitCode = isInputEnded ? endedWith : code;
        if (!isSent && typeof code === 'number') {
          reject(new SshUnavailable(`the login ended with exit code ${code} instead of running a command${said()}`));
        } else if (!isSent) {
          reject(new SshUnavailable('the command was not sent: its channel was closed before a shell answered'));
        } else if (typeof exitCode === 'number' && channels.hasEnded(channel)) {
          resolve({
            exitCode,
            stdout: shell.without(stdout.pieces),
            stderr: framed.without(shell.without(stderr.pieces)),
          });
        } else {
          reject(
            new SshInterrupted(
              'the command ended without an exit code, or not all of its output came: it was killed or the connection broke',
            ),
          );
        }
      });
    });
    signal.addEventListener('abort', onAbort, { once: true });
    for (const delayMs of AGAIN_MS) later(delayMs, () => write(shell.greeting));
    later(GIVE_UP_MS, endInput);
    write(shell.greeting);
  });
}

/**
 * Makes the script one compound command, which the shell reads to its end before it runs any of it. So a connection
 * that breaks on the way can't run the first half of a script or of a line, and no child can read the rest of the
 * script as its input. Standard input stays open, because ssh2 sends no signal to a channel after its end. At its end
 * it prints its exit code, because a shell that continues may exit with another.
 */
function frame(script: string, isWithoutInput: boolean) {
  const nonce = randomBytes(12).toString('hex');
  const mark = `\nended ${nonce} `;
  /** The position of a script's end marker, and the exit code in it; null: there is none. */
  const ending = (stderr: Buffer) => {
    const start = stderr.indexOf(mark);
    const [line, code] =
      /^(\d{1,3})\n/.exec(stderr.toString('latin1', start + mark.length, start + mark.length + 4)) ?? [];
    return start === -1 || line === undefined
      ? null
      : { start, end: start + mark.length + line.length, code: Number(code) };
  };
  return {
    text: `{ trap 'set -- $?; printf "\\n%s\\n" "ended ${nonce} $1" >&2; exit "$1"' EXIT
{ :; ${script}\n}${isWithoutInput ? ' </dev/null' : ''}; exit
}
`,
    /** Of a script that has ended, as its standard error shows. */
    exitCode: (stderr: Buffer): number | undefined => ending(stderr)?.code,
    without: (pieces: readonly Buffer[]): Buffer[] => {
      const stderr = joined(pieces);
      const found = ending(stderr);
      return found === null ? [stderr] : [stderr.subarray(0, found.start), stderr.subarray(found.end)];
    },
  };
}
