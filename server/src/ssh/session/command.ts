import type { ClientChannel } from 'ssh2';
import { SshInterrupted, SshOutputTooLarge, SshUnavailable } from '../errors.ts';
import type { Channels } from './channels.ts';

export interface CommandResult {
  readonly exitCode: number;
  /** Decoded as UTF-8; what isn't UTF-8 becomes U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
}

/** The same in bytes. */
export interface ScriptResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export interface ScriptOptions {
  readonly maxOutputBytes: number;
  /** What is sent to the script's standard input, once it has printed `ready`; it ends there. None: /dev/null. */
  readonly input?: { readonly ready: string; readonly content: AsyncIterable<Buffer> };
}

/** As `runScript`, with the output as text. */
export async function runCommand(
  channels: Channels,
  script: string,
  maxOutputBytes: number,
  signal: AbortSignal,
): Promise<CommandResult> {
  const { exitCode, stdout, stderr } = await runScript(channels, script, { maxOutputBytes }, signal);
  return { exitCode, stdout: stdout.toString('utf8'), stderr: stderr.toString('utf8') };
}

/**
 * Runs a POSIX shell script on the cluster. The command line is always the same, so it means the same to every login
 * shell, csh and fish included; the script goes to the shell's standard input.
 *
 * @throws SshUnavailable if it was not sent
 * @throws SshInterrupted if it was, and `signal` aborted or the connection broke before its exit code came
 * @throws SshOutputTooLarge if standard output and standard error together exceed `maxOutputBytes`
 * @throws what the input's content throws
 */
export async function runScript(
  channels: Channels,
  script: string,
  { maxOutputBytes, input }: ScriptOptions,
  signal: AbortSignal,
): Promise<ScriptResult> {
  const channel = await channels.openCommand('/bin/sh -s', signal);
  if (signal.aborted) {
    channel.close();
    throw new SshUnavailable(`the command was not sent: ${signal.reason.message}`, { cause: signal.reason });
  }
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let size = 0;
    let isOver = false;
    let awaited = input;

    function settle(conclude: () => void): void {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener('abort', onAbort);
      conclude();
    }

    function stop(error: Error): void {
      settle(() => {
        reject(error);
        // Without the signal, the command would go on unseen and keep its place among the server's sessions.
        channel.signal('TERM');
        channel.close();
      });
    }

    function onAbort(): void {
      const reason: Error = signal.reason;
      stop(
        new SshInterrupted(`the command was stopped: ${reason.message}. It may have taken effect`, { cause: reason }),
      );
    }

    function collect(chunks: Buffer[], chunk: Buffer): void {
      // What arrives after the end is let through unread: the channel closes only once it is drained.
      if (isOver) return;
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxOutputBytes) stop(new SshOutputTooLarge(`the command printed more than ${maxOutputBytes} bytes`));
    }

    channel.on('data', (chunk: Buffer) => {
      collect(stdout, chunk);
      if (awaited === undefined || !Buffer.concat(stdout).includes(awaited.ready)) return;
      const { content } = awaited;
      awaited = undefined;
      send(channel, content, () => isOver).catch(stop);
    });
    channel.stderr.on('data', (chunk: Buffer) => collect(stderr, chunk));
    channel.on('error', (error: Error) => stop(new SshInterrupted(`the command's channel failed: ${error.message}`)));
    channel.on('close', (exitCode: unknown) => {
      settle(() => {
        if (typeof exitCode === 'number') {
          resolve({ exitCode, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
        } else {
          reject(new SshInterrupted('the command ended without an exit code: it was killed or the connection broke'));
        }
      });
    });
    signal.addEventListener('abort', onAbort, { once: true });
    // The login shell may have ended already, as that of a closed account does.
    if (channel.writable) channel.write(asOneCommand(script, input === undefined));
  });
}

/** Sends no more than the channel takes, and nothing once the command is over. */
async function send(channel: ClientChannel, content: AsyncIterable<Buffer>, isOver: () => boolean): Promise<void> {
  for await (const piece of content) {
    if (isOver() || !channel.writable) return;
    if (channel.write(piece)) continue;
    const { promise, resolve } = Promise.withResolvers<void>();
    channel.once('drain', resolve).once('close', resolve);
    await promise;
    channel.off('drain', resolve).off('close', resolve);
  }
  if (!isOver()) channel.end();
}

/**
 * Makes the script one compound command, which the shell reads to its end before it runs any of it. So a connection
 * that breaks on the way can't run the first half of a script or of a line, and no child can read the rest of the
 * script as its input. Standard input stays open, since ssh2 sends no signal to a channel after its end.
 */
function asOneCommand(script: string, isWithoutInput: boolean): string {
  return `{ :; ${script}\n}${isWithoutInput ? ' </dev/null' : ''}; exit\n`;
}
