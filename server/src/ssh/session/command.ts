import { SshInterrupted, SshOutputTooLarge, SshUnavailable } from '../errors.ts';
import type { Channels } from './channels.ts';

export interface CommandResult {
  readonly exitCode: number;
  /** Decoded as UTF-8; what isn't UTF-8 becomes U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a POSIX shell script on the cluster. The command line is always the same, so it means the same to every login
 * shell, csh and fish included; the script goes to the shell's standard input.
 *
 * @throws SshUnavailable if it was not sent
 * @throws SshInterrupted if it was, and `signal` aborted or the connection broke before its exit code came
 * @throws SshOutputTooLarge if standard output and standard error together exceed `maxOutputBytes`
 */
export async function runCommand(
  channels: Channels,
  script: string,
  maxOutputBytes: number,
  signal: AbortSignal,
): Promise<CommandResult> {
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

    channel.on('data', (chunk: Buffer) => collect(stdout, chunk));
    channel.stderr.on('data', (chunk: Buffer) => collect(stderr, chunk));
    channel.on('error', (error: Error) => stop(new SshInterrupted(`the command's channel failed: ${error.message}`)));
    channel.on('close', (exitCode: unknown) => {
      settle(() => {
        if (typeof exitCode === 'number') resolve({ exitCode, stdout: decode(stdout), stderr: decode(stderr) });
        else
          reject(new SshInterrupted('the command ended without an exit code: it was killed or the connection broke'));
      });
    });
    signal.addEventListener('abort', onAbort, { once: true });
    // The login shell may have ended already, as that of a closed account does.
    if (channel.writable) channel.write(asOneCommand(script));
  });
}

/**
 * Makes the script one compound command, which the shell reads to its end before it runs any of it. So a connection
 * that breaks on the way can't run the first half of a script or of a line, and no child can read the rest of the
 * script as its input. Standard input stays open, since ssh2 sends no signal to a channel after its end.
 */
function asOneCommand(script: string): string {
  return `{ :; ${script}\n} </dev/null; exit\n`;
}

function decode(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
